// The door for files that import `@apache-airflow/ts-sdk/hitl`.

export * from '../hitl.ts'
