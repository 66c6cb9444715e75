// The door for files that import `@apache-airflow/ts-sdk`.

export { getClient, getContext } from '../context.ts'
