// Every metric of `/metrics`: name, kind, labels, help. What is not defined here cannot be emitted, and docs/monitoring.md has
// one row for each (a test compares them).
//
// Names: where Airflow has a metric, its statsd name with `airflow_` before it and underscores for dots, tags as labels, as the
// exporter of Airflow's Helm chart writes it; ours begin with `baram_` and end with their unit. Times are seconds in both.

export type MetricKind = 'counter' | 'gauge' | 'histogram'

/** What the services of one deployment are called in labels. */
export const SERVICES = ['scheduler', 'worker', 'triggerer', 'dag-processor', 'callbacks', 'webserver'] as const
export type ServiceLabel = (typeof SERVICES)[number]

export interface MetricDefinition {
  readonly kind: MetricKind
  /** `database`: read at each scrape. Else it is counted in these services, and stored with their heartbeats. */
  readonly of: 'database' | readonly ServiceLabel[]
  readonly labels: readonly string[]
  readonly help: string
  /** Of a histogram: upper bounds. */
  readonly buckets?: readonly number[]
}

const gauge = <const L extends readonly string[]>(labels: L, help: string) =>
  ({ kind: 'gauge', of: 'database', labels, help }) as const
const counter = <const L extends readonly string[]>(labels: L, help: string) =>
  ({ kind: 'counter', of: 'database', labels, help }) as const

const ALL = SERVICES
const counted = <const L extends readonly string[]>(of: readonly ServiceLabel[], labels: L, help: string) =>
  ({ kind: 'counter', of, labels, help }) as const
const measured = <const L extends readonly string[]>(of: readonly ServiceLabel[], labels: L, help: string) =>
  ({ kind: 'gauge', of, labels, help }) as const
const timed = (of: readonly ServiceLabel[], buckets: readonly number[], help: string) =>
  ({ kind: 'histogram', of, labels: [] as const, help, buckets }) as const

/** Upper bounds, seconds: a run transaction takes a few ms, a pass as many as there is to do. */
const SHORT = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5]
const LONG = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30]

/** Of a user's tasks. */
const TASK = [0.01, 0.1, 1, 10, 60, 600, 3600]

const STREAM = ['dag_id', 'task_id', 'target'] as const

export const METRICS = {
  baram_database_up: gauge([], '1 if the metadata database answered this scrape; if not, this is the only metric.'),
  baram_scrape_failed_parts: gauge(
    [],
    'Groups of metrics that are missing from this scrape, because their statement failed.',
  ),
  baram_scrape_seconds: gauge([], 'Time that reading the database took for this scrape.'),
  baram_series_left_out: gauge(
    ['of'],
    'Pools, streams, files or deadlines left out of this scrape: it lists 100 of each.',
  ),

  baram_processes: gauge(['service'], 'Processes that run and whose heartbeat is younger than 30 s.'),
  baram_heartbeat_age_seconds: gauge(['service'], 'Age of the newest heartbeat; none while no such process is known.'),
  airflow_scheduler_heartbeat: counter(['host', 'job_id'], 'Heartbeats of a scheduler.'),
  airflow_triggerer_heartbeat: counter(['host', 'job_id'], 'Heartbeats of a triggerer.'),
  airflow_dag_processor_heartbeat: counter(['host', 'job_id'], 'Heartbeats of a DAG processor.'),

  airflow_dagbag_size: gauge([], 'DAGs that a file declares.'),
  baram_dags_paused: gauge([], 'DAGs among them that are paused.'),
  airflow_dag_processing_import_errors: gauge([], 'DAG files that cannot be read.'),
  airflow_dag_processing_total_parse_time: gauge([], 'Seconds that reading each DAG file once took, in all.'),
  airflow_dag_processing_last_duration: gauge(
    ['dag_file'],
    'Seconds that the last reading of a DAG file took, slowest first.',
  ),
  baram_dag_warnings: gauge(['type'], 'Warnings of DAGs, such as callbacks that could not be called or type errors.'),

  airflow_scheduler_dagruns_running: gauge([], 'Runs that are running.'),
  airflow_scheduler_dagruns_queued: gauge([], 'Runs that wait for their start.'),
  baram_task_queue_depth: gauge(
    ['stage', 'queue'],
    'Task instances by stage: waiting (for a time), deferred, throttled (by a limit), queued (for a worker), running, restarting.',
  ),
  airflow_scheduler_tasks_starving: gauge([], 'Task instances that wait because their pool is full.'),
  airflow_scheduler_tasks_executable: gauge([], 'Task instances that are ready: queued, or throttled by a limit.'),
  airflow_executor_queued_tasks: gauge([], 'Task instances that have a slot and wait for a worker.'),
  airflow_executor_running_tasks: gauge([], 'Task instances that a worker runs.'),
  airflow_executor_open_slots: gauge([], 'Slots of core.parallelism that are free; absent while there is no limit.'),

  baram_pool_slots: gauge(['pool'], 'Slots of a pool; -1 = no limit.'),
  airflow_pool_open_slots: gauge(['pool'], 'Free slots of a pool; absent while it has no limit.'),
  airflow_pool_queued_slots: gauge(['pool'], 'Slots of a pool that queued task instances hold.'),
  airflow_pool_running_slots: gauge(['pool'], 'Slots of a pool that running task instances hold.'),
  airflow_pool_deferred_slots: gauge(
    ['pool'],
    'Slots of deferred task instances of a pool; they count if it includes deferred.',
  ),
  airflow_pool_scheduled_slots: gauge(['pool'], 'Slots that task instances wait for in a pool.'),
  airflow_pool_starving_tasks: gauge(['pool'], 'Task instances that wait because this pool is full.'),

  airflow_triggers_running: gauge(['hostname'], 'Triggers that a triggerer holds; hostname empty = not taken yet.'),

  baram_callbacks_pending: gauge([], 'Callbacks that wait for their call.'),
  baram_callbacks_running: gauge([], 'Callbacks that are being called.'),
  baram_callback_oldest_due_seconds: gauge([], 'How long the oldest due callback has waited; 0 = none is due.'),
  baram_callbacks_failed_last_hour: gauge([], 'Callbacks that were given up in the last hour.'),
  baram_deadlines_watched: gauge([], 'Deadlines that are watched.'),
  baram_deadlines_late: gauge(
    ['dag_id', 'reference'],
    'Deadlines of streams that were missed and have not been met since.',
  ),

  baram_stream_lag_records: gauge(STREAM, 'Records that were still to read when the last window was settled.'),
  baram_stream_rows_per_second: gauge(STREAM, 'Records a second of the last window.'),
  baram_stream_freshness_seconds: gauge(
    STREAM,
    'Age of the newest record that the stream has settled; grows while none comes.',
  ),
  baram_stream_window_age_seconds: gauge(
    STREAM,
    'Time since a window was settled, also an empty one; grows while the stream does not run.',
  ),
  baram_stream_read_rows_total: counter(STREAM, 'Records read, of all windows and tries.'),
  baram_stream_written_rows_total: counter(STREAM, 'Records written, of all windows and tries.'),
  baram_stream_rejected_rows_total: counter(STREAM, 'Records rejected (dead letters), of all windows and tries.'),

  baram_database_connections: gauge([], 'Connections to the metadata database, of everybody.'),
  baram_database_connection_limit: gauge([], 'max_connections of its server.'),
  baram_database_size_bytes: gauge([], 'Size of the metadata database.'),

  airflow_scheduler_scheduler_loop_duration: timed(['scheduler'], LONG, 'How long the passes of a scheduler took.'),
  airflow_scheduler_loop_exceptions: counted(['scheduler'], [], 'Passes that failed and were repeated.'),
  baram_scheduler_step_seconds_total: counted(
    ['scheduler'],
    ['step'],
    'Time that passes spent in each of their steps.',
  ),
  airflow_task_instances_without_heartbeats_killed: counted(
    ['scheduler'],
    [],
    'Attempts that were taken over because their worker is dead.',
  ),
  baram_processes_declared_dead_total: counted(
    ['scheduler'],
    [],
    'Processes whose lease ran out, or whose pid was gone.',
  ),

  baram_run_transaction_seconds: timed(
    ALL,
    SHORT,
    'How long run transactions took, without their wait for the one before.',
  ),
  baram_run_transaction_failures_total: counted(ALL, [], 'Run transactions that were rolled back.'),
  airflow_ti_successes: counted(ALL, [], 'Attempts that succeeded.'),
  airflow_ti_failures: counted(ALL, [], 'Attempts that failed, with or without a try left.'),
  airflow_dagrun_schedule_delay: timed(
    ALL,
    LONG,
    'From the date at which a scheduled run was due until its start; what was due while its DAG was paused or nothing ran counts too.',
  ),
  baram_runs_ended_total: counted(
    ALL,
    ['dag_id', 'state'],
    'Runs that ended; the first 50 DAGs of a process by name, the rest as `other`.',
  ),

  airflow_task_duration: timed(['worker'], TASK, 'From the moment a worker has an attempt until its end.'),
  baram_attempts_started_total: counted(['worker'], [], 'Attempts that a worker has taken.'),
  baram_worker_report_seconds: timed(
    ['worker'],
    SHORT,
    'From the end of an attempt until it is stored, with what it starts.',
  ),
  baram_worker_attempts: measured(['worker'], [], 'Attempts that a worker runs.'),
  baram_worker_slots: measured(['worker'], [], 'Attempts that it may run at a time.'),
  baram_worker_children: measured(['worker'], [], 'Child processes that it has, also idle ones.'),

  baram_database_pool_connections: measured(
    ALL,
    ['state'],
    'Connections of the pool of a process: total, idle, and callers waiting for one.',
  ),
  baram_disk_free_bytes: measured(['scheduler', 'worker'], [], 'Free space where the log folder is.'),
} as const satisfies Readonly<Record<string, MetricDefinition>>

export type MetricName = keyof typeof METRICS
type OfKind<K extends MetricKind> = { [N in MetricName]: (typeof METRICS)[N]['kind'] extends K ? N : never }[MetricName]
export type GaugeName = OfKind<'gauge'>
export type CounterName = OfKind<'counter'>
export type HistogramName = OfKind<'histogram'>
export type LabelsOf<N extends MetricName> = Readonly<Record<(typeof METRICS)[N]['labels'][number], string>>

/** What the table says of a name, without its literal types. */
export const definitionOf = (name: MetricName): MetricDefinition => METRICS[name]

// Object.keys forgets which keys they are.
export const metricNames = Object.keys(METRICS) as readonly MetricName[]
