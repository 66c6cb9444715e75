// `baram/operators/spark`: applications of Apache Spark as tasks.

export type { SparkSubmitOptions } from './options.ts'
export { SparkFailedError } from './outcome.ts'
export { type SparkResult, sparkSubmit } from './spark-submit.ts'
