// The table of settings: section, key, how a value is read, its default, and what it is for.

import { cpus } from 'node:os'
import { join, resolve } from 'node:path'

type Parser<T> = (text: string) => T

export interface Setting<T> {
  readonly section: string
  readonly key: string
  readonly parse: Parser<T>
  readonly fallback: T | ((env: { home: string }) => T)
  /** Airflow's variable of the same name must not be taken over. */
  readonly isOwnOnly?: boolean
  readonly isSecret?: boolean
  /** Unit and reason, for the docs. */
  readonly about: string
}

const text: Parser<string> = (value) => value
const textOrNull: Parser<string | null> = (value) => (value === '' ? null : value)

function number(least: number, most: number): Parser<number> {
  return (value) => {
    const parsed = Number(value)
    if (value.trim() === '' || !Number.isFinite(parsed) || parsed < least || parsed > most)
      throw new Error(`a number from ${least} to ${most}`)
    return parsed
  }
}

const flag: Parser<boolean> = (value) => {
  const lower = value.trim().toLowerCase()
  if (['true', '1', 'yes', 'on', 't', 'y'].includes(lower)) return true
  if (['false', '0', 'no', 'off', 'f', 'n'].includes(lower)) return false
  throw new Error('True or False')
}

const list: Parser<readonly string[]> = (value) =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')

const setting = <T>(
  section: string,
  key: string,
  parse: Parser<T>,
  fallback: Setting<T>['fallback'],
  about: string,
  more: Partial<Setting<T>> = {},
): Setting<T> => ({
  section,
  key,
  parse,
  fallback,
  about,
  ...more,
})

export const SETTINGS = {
  dagsFolder: setting('core', 'dags_folder', text, () => resolve('dags'), 'folder of DAG files, watched recursively'),
  loadExamples: setting('core', 'load_examples', flag, true, 'also load the example DAGs that come with the product'),
  parallelism: setting(
    'core',
    'parallelism',
    number(0, 100_000),
    32,
    'task instances queued or running in the whole deployment; 0 = no limit',
  ),
  maxActiveTasksPerDag: setting(
    'core',
    'max_active_tasks_per_dag',
    number(1, 100_000),
    16,
    'default of maxActiveTasks, per run',
  ),
  maxActiveRunsPerDag: setting('core', 'max_active_runs_per_dag', number(1, 100_000), 16, 'default of maxActiveRuns'),
  maxMapLength: setting(
    'core',
    'max_map_length',
    number(1, 1_000_000),
    10_000,
    'most instances of a mapped task, and items of a value that a task is mapped over',
  ),
  dagsArePausedAtCreation: setting(
    'core',
    'dags_are_paused_at_creation',
    flag,
    true,
    'a DAG seen for the first time starts paused',
  ),
  dagFileTimeoutMs: setting(
    'core',
    'dagbag_import_timeout',
    (v) => number(0.1, 600)(v) * 1000,
    30_000,
    'seconds a DAG file may take to load',
  ),
  killedTaskCleanupMs: setting(
    'core',
    'killed_task_cleanup_time',
    (v) => number(0, 3600)(v) * 1000,
    30_000,
    'seconds between SIGTERM and SIGKILL of a task; at most 5 once its time is over or its run has ended it',
  ),
  sensitiveNames: setting(
    'core',
    'sensitive_var_conn_names',
    list,
    [],
    'more name parts whose values are masked, comma-separated',
  ),
  allAdmins: setting(
    'core',
    'simple_auth_manager_all_admins',
    flag,
    false,
    'everybody is admin without signing in; loopback only',
  ),
  databaseUrl: setting('database', 'sql_alchemy_conn', textOrNull, null, 'Postgres URL; empty = embedded Postgres', {
    isOwnOnly: true,
    isSecret: true,
  }),
  poolSize: setting(
    'database',
    'sql_alchemy_pool_size',
    number(1, 200),
    5,
    'connections per process, beside its writing and listening ones',
    { isOwnOnly: true },
  ),
  logFolder: setting(
    'logging',
    'base_log_folder',
    text,
    ({ home }: { home: string }) => join(home, 'logs'),
    'folder of task logs',
    { isOwnOnly: true },
  ),
  logLevel: setting(
    'logging',
    'logging_level',
    (v) => v.trim().toLowerCase(),
    'info',
    "level of the processes' own log",
  ),
  maxLogBytes: setting(
    'logging',
    'max_attempt_log_bytes',
    number(10_000, 1e12),
    100_000_000,
    "bytes of one attempt's log that are kept",
  ),
  logRetentionDays: setting(
    'logging',
    'log_retention_days',
    number(0, 36_500),
    0,
    'days after which the log of an attempt is removed on the host it stands on; 0 = never, as in Airflow',
    { isOwnOnly: true },
  ),
  host: setting('api', 'host', text, '127.0.0.1', 'address to listen on; loopback by default'),
  port: setting('api', 'port', number(0, 65_535), 8080, 'port of UI and API'),
  baseUrl: setting(
    'api',
    'base_url',
    textOrNull,
    null,
    'address at which people reach the pages, such as https://baram.example.com: alerts link there; empty = no link',
  ),
  maximumPageLimit: setting('api', 'maximum_page_limit', number(1, 10_000), 100, 'most rows of one API page'),
  fallbackPageLimit: setting('api', 'fallback_page_limit', number(1, 10_000), 50, 'rows of an API page by default'),
  exposeConfig: setting(
    'api',
    'expose_config',
    (value) => value.trim().toLowerCase() === 'non-sensitive-only' || flag(value),
    false,
    'whoever may read DAGs may read settings over the API; secrets never',
  ),
  jwtSecret: setting('api_auth', 'jwt_secret', textOrNull, null, 'key of API tokens; empty = made at first start', {
    isOwnOnly: true,
    isSecret: true,
  }),
  jwtSeconds: setting('api_auth', 'jwt_expiration_time', number(60, 31_536_000), 86_400, 'seconds a token is valid'),
  metricsToken: setting(
    'metrics',
    'token',
    textOrNull,
    null,
    'bearer token that lets Prometheus read /metrics from elsewhere; empty = from this host, or signed in',
    { isOwnOnly: true, isSecret: true },
  ),
  metricsOpen: setting(
    'metrics',
    'allow_anonymous',
    flag,
    false,
    'everybody who reaches the web server may read /metrics: only behind a network or proxy of your own',
    { isOwnOnly: true },
  ),
  workerConcurrency: setting(
    'workers',
    'concurrency',
    number(1, 10_000),
    () => 4 * cpus().length,
    'attempts at a time in one worker',
  ),
  idleChildMs: setting(
    'workers',
    'idle_child_seconds',
    (v) => number(1, 86_400)(v) * 1000,
    60_000,
    'seconds an idle child is kept',
  ),
  // From 2 GB on V8 lets a heap grow to four times what is in use before it looks for what is not; below it to twice.
  childMemoryMb: setting('workers', 'child_memory_mb', number(64, 1_048_576), 1900, 'heap limit of a child, MB'),
  childRecycleMb: setting(
    'workers',
    'child_recycle_mb',
    number(64, 1_048_576),
    400,
    'a child is replaced after an attempt that left it above this, MB',
  ),
  queues: setting(
    'workers',
    'queues',
    list,
    [],
    'queues that workers take from when started without --queues, comma-separated; empty = all',
    { isOwnOnly: true },
  ),
  heartbeatMs: setting(
    'scheduler',
    'job_heartbeat_sec',
    (v) => number(0.1, 60)(v) * 1000,
    1000,
    'seconds between heartbeats',
  ),
  leaseMs: setting(
    'scheduler',
    'lease_sec',
    (v) => number(1, 3600)(v) * 1000,
    10_000,
    'seconds without heartbeat after which a process counts as dead',
  ),
  outageMs: setting(
    'database',
    'outage_tolerance_sec',
    (v) => number(0, 86_400)(v) * 1000,
    600_000,
    'seconds for which schedulers and workers wait for a database that says it is down, and keep their attempts',
  ),
  jobRetentionDays: setting(
    'scheduler',
    'job_retention_days',
    number(0, 36_500),
    7,
    'days after its end that the row of a process is kept: each start makes three; 0 = for ever',
    { isOwnOnly: true },
  ),
  runRetentionDays: setting(
    'scheduler',
    'run_retention_days',
    number(0, 36_500),
    365,
    'days after its end that a run is kept, with its task instances, XComs, ledger and results; the newest of a DAG always are; 0 = for ever',
    { isOwnOnly: true },
  ),
  auditRetentionDays: setting(
    'scheduler',
    'audit_retention_days',
    number(0, 36_500),
    365,
    'days that a row of the audit log is kept; 0 = for ever',
    { isOwnOnly: true },
  ),
  versionRetentionDays: setting(
    'scheduler',
    'version_retention_days',
    number(0, 36_500),
    30,
    'days that a version of a DAG is kept after a newer one, when no run has used it, with its compiled file; 0 = for ever',
    { isOwnOnly: true },
  ),
  triggererCapacity: setting(
    'triggerer',
    'capacity',
    number(1, 1_000_000),
    10_000,
    'waits of deferred tasks that one triggerer holds',
  ),
  callbackConcurrency: setting(
    'scheduler',
    'callback_concurrency',
    number(1, 1_000),
    8,
    'callbacks that one scheduler calls at a time, each in a child; at most two of one DAG',
    { isOwnOnly: true },
  ),
  callbackTimeoutMs: setting(
    'scheduler',
    'callback_timeout',
    (v) => number(1, 3600)(v) * 1000,
    60_000,
    'seconds a callback may take; then it is ended and called again',
    { isOwnOnly: true },
  ),
  callbackRetentionDays: setting(
    'scheduler',
    'callback_retention_days',
    number(0, 36_500),
    30,
    'days after its end that the row of a callback is kept; 0 = as long as its run',
    { isOwnOnly: true },
  ),
  sweepMs: setting(
    'scheduler',
    'sweep_interval',
    (v) => number(1, 3600)(v) * 1000,
    30_000,
    'seconds between looks at everything, in case a wake-up was lost',
  ),
  rescanMs: setting(
    'dag_processor',
    'refresh_interval',
    (v) => number(1, 86_400)(v) * 1000,
    30_000,
    'seconds between complete listings of the DAGs folder',
  ),
  staleFileMs: setting(
    'dag_processor',
    'stale_dag_threshold',
    (v) => number(1, 86_400)(v) * 1000,
    50_000,
    'seconds a DAG file may be missing before its DAGs are stale; six times as long when nothing is left in its folder',
  ),
  parserMemoryMb: setting(
    'dag_processor',
    'parser_memory_mb',
    number(64, 65_536),
    512,
    'heap limit of the child that loads DAG files, MB',
  ),
  checkTypes: setting(
    'dag_processor',
    'check_types',
    flag,
    true,
    'check the types of changed DAG files beside their reading; errors are warnings of the DAG',
  ),
} as const
