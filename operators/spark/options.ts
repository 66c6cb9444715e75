// What an author may say of a Spark application: names and meanings of Airflow's SparkSubmitOperator.

type Texts = string | readonly string[]

export interface SparkSubmitOptions {
  /** Connection of type spark. Default `spark_default`; without it Spark runs on this host, as `local[*]`. */
  readonly connId?: string
  /**
   * What runs (template): a `.jar` (with `javaClass`), a `.py`, or a `.sql`, which Spark SQL's command line runs. A file of the
   * worker's host by its absolute path, or an address that Spark can read, such as `hdfs://nn1:8020/jobs/day.jar`.
   */
  readonly application: string
  /** What the application gets behind its name (template), each as it stands: `--day` is the application's own. */
  readonly applicationArgs?: readonly string[]
  /** Main class of a jar (template). */
  readonly javaClass?: string
  /** Spark's settings (template). Values whose names say secret, password or token are `***` in the log. */
  readonly conf?: Readonly<Record<string, string | number | boolean>>
  /** Name shown by Spark (template). Default: `dag_id.task_id`. */
  readonly name?: string
  /** Files laid beside each executor (template): a list, or Airflow's text with commas. */
  readonly files?: Texts
  /** `.py`, `.zip` or `.egg` files that Python finds (template). */
  readonly pyFiles?: Texts
  /** Archives unpacked beside each executor (template). */
  readonly archives?: Texts
  /** Jars of driver and executors (template); `/opt/jars/*` stands for all of a folder. */
  readonly jars?: Texts
  /** Maven coordinates, resolved by Spark itself as it starts (template). */
  readonly packages?: Texts
  /** `group:artifact` pairs that `packages` leaves out (template). */
  readonly excludePackages?: Texts
  /** Repositories `packages` are looked up in besides Maven Central. */
  readonly repositories?: Texts
  /** Before the driver's class path (template). */
  readonly driverClassPath?: string
  /** A file of settings instead of spark-defaults.conf (template): the place for secrets, which a command line shows to all. */
  readonly propertiesFile?: string
  /** Such as `1g`. Default: Spark's. */
  readonly driverMemory?: string
  /** Such as `1g`. Default: Spark's. */
  readonly executorMemory?: string
  /** Cores of an executor. Default: Spark's. */
  readonly executorCores?: number
  /** Cores of all executors together (standalone). Default: all there are. */
  readonly totalExecutorCores?: number
  /** Executors to start with (YARN). */
  readonly numExecutors?: number
  /** `client`: the driver runs on this worker; `cluster`: on the cluster. Default: `deploy-mode` of the connection, else client. */
  readonly deployMode?: 'client' | 'cluster'
  /** Queue of YARN. Default: `queue` of the connection. */
  readonly yarnQueue?: string
  /** User to impersonate (template). */
  readonly proxyUser?: string
  /** Kerberos keytab, a file (template). */
  readonly keytab?: string
  /** Kerberos principal (template). */
  readonly principal?: string
  /** Environment variables of spark-submit, added to the worker's (template, each value). */
  readonly envVars?: Readonly<Record<string, string>>
  /** Name of spark-submit on the worker's PATH, or its absolute path. Default: `spark-binary` of the connection, else `spark-submit`. */
  readonly sparkBinary?: string
  /** Seconds between two looks at the application. Default 1. */
  readonly statusPollInterval?: number
  /** Let spark-submit tell what it does. Default false. */
  readonly verbose?: boolean
}

/** Airflow's, and those that are paths or names of a run. */
export const TEMPLATE_FIELDS = [
  'application',
  'applicationArgs',
  'javaClass',
  'conf',
  'name',
  'files',
  'pyFiles',
  'archives',
  'jars',
  'packages',
  'excludePackages',
  'driverClassPath',
  'propertiesFile',
  'proxyUser',
  'keytab',
  'principal',
  'envVars',
] as const satisfies readonly (keyof SparkSubmitOptions)[]

const COUNTS = ['executorCores', 'totalExecutorCores', 'numExecutors'] as const

/** @throws Error while the DAG is read */
export function checkOptions(options: SparkSubmitOptions): void {
  if (options.application.trim() === '')
    throw new Error('sparkSubmit: application is empty; name a .jar, .py or .sql file')
  if (options.applicationArgs !== undefined && !Array.isArray(options.applicationArgs))
    throw new Error('sparkSubmit: applicationArgs must be a list, so that nothing in it is taken apart')
  for (const name of COUNTS) {
    const count = options[name]
    if (count !== undefined && !(Number.isSafeInteger(count) && count > 0))
      throw new Error(`sparkSubmit: ${name} must be a whole number above 0, found ${count}`)
  }
  const { deployMode, statusPollInterval = 1 } = options
  if (deployMode !== undefined && deployMode !== 'client' && deployMode !== 'cluster')
    throw new Error(`sparkSubmit: deployMode must be client or cluster, found ${String(deployMode)}`)
  if (!(statusPollInterval > 0))
    throw new Error(`sparkSubmit: statusPollInterval must be above 0 seconds, found ${statusPollInterval}`)
}
