// DAGs, runs and logs for tests and screenshots: stored through the engine, their history written by SQL.

import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Effect } from '../../core/effects.ts'
import type { JsonObject } from '../../core/json.ts'
import type { ResultTable } from '../../core/result-table.ts'
import { makeRunId } from '../../core/run-id.ts'
import type { SerializedDag, SerializedGroup, SerializedTask } from '../../core/serialized.ts'
import type { TaskState } from '../../core/states.ts'
import { pauseDag } from '../../engine/dags/pause.ts'
import { syncFile } from '../../engine/dags/sync.ts'
import { triggerRun } from '../../engine/runs/create.ts'
import { attemptLogPath } from '../../runtime/attempt-log.ts'
import type { TestWeb } from './start-web.ts'

export const makeTask = (taskId: string, more: Partial<SerializedTask> = {}): SerializedTask => ({
  taskId,
  operator: 'TypeScriptTask',
  owner: 'data-team',
  triggerRule: 'all_success',
  retries: 0,
  retryDelay: 30,
  maxRetryDelay: null,
  retryExponentialBackoff: 0,
  executionTimeout: null,
  dependsOnPast: false,
  ignoreFirstDependsOnPast: true,
  waitForDownstream: false,
  waitForPastDependsBeforeSkipping: false,
  queue: 'default',
  pool: 'default_pool',
  poolSlots: 1,
  priorityWeight: 1,
  weightRule: 'downstream',
  maxActiveTisPerDag: null,
  maxActiveTisPerDagrun: null,
  doXcomPush: true,
  isolate: null,
  startDate: null,
  endDate: null,
  docMd: null,
  inputs: [],
  mapping: null,
  mapIndexTemplate: null,
  skips: false,
  options: {},
  templateFields: [],
  ...more,
})

export interface DagOptions {
  readonly tasks: readonly (string | SerializedTask)[]
  readonly edges?: readonly (readonly [string, string])[]
  readonly groups?: readonly SerializedGroup[]
  readonly cron?: string | null
  readonly zone?: string
  readonly tags?: readonly string[]
  readonly description?: string
  readonly docMd?: string
  readonly params?: SerializedDag['params']
  readonly labels?: SerializedDag['labels']
}

export function makeDag(dagId: string, options: DagOptions): SerializedDag {
  const tasks = options.tasks.map((task) => (typeof task === 'string' ? makeTask(task) : task))
  const chain = tasks.slice(1).map((task, i) => [tasks[i]?.taskId ?? '', task.taskId] as const)
  const cron = options.cron ?? null
  return {
    format: 2,
    dagId,
    dagDisplayName: null,
    description: options.description ?? null,
    docMd: options.docMd ?? null,
    timetable:
      cron === null
        ? { kind: 'none' }
        : { kind: 'cron', expression: cron, timezone: options.zone ?? 'UTC', interval: true, runImmediately: false },
    timezone: options.zone ?? 'UTC',
    startDate: '2025-01-01T00:00:00.000Z',
    endDate: null,
    catchup: false,
    tags: options.tags ?? [],
    maxActiveTasks: 16,
    maxActiveRuns: 16,
    maxConsecutiveFailedDagRuns: 0,
    dagrunTimeout: null,
    failFast: false,
    renderTemplateAsNativeObj: false,
    isPausedUponCreation: true,
    params: options.params ?? {},
    tasks,
    groups: options.groups ?? [],
    edges: options.edges ?? chain,
    labels: options.labels ?? [],
  } as SerializedDag
}

export async function storeDag(web: TestWeb, dag: SerializedDag, sourceCode = `// ${dag.dagId}\n`): Promise<void> {
  const file = `${dag.dagId}.ts`
  await syncFile(
    web.database,
    {
      relativeFileloc: file,
      fileloc: `/dags/${file}`,
      sourceCode,
      moduleHash: createHash('sha256').update(sourceCode).digest('hex'),
      moduleCode: sourceCode,
      parseSeconds: 0.04,
      dags: [dag],
      errorText: null,
      errorDetails: {},
    },
    new Set([file]),
    true,
  )
}

/** Who makes what is there before a test looks: a task's own changes leave no audit row. */
const SEEDER = { name: 'seed', via: 'operator' } as const

export const unpause = (web: TestWeb, dagId: string) => pauseDag(web, { dagId, isPaused: false }, SEEDER)

export interface SeededRun {
  readonly id: number
  readonly runId: string
}

/** A run at `at` whose tasks have the given states; unnamed tasks take `rest`. */
export async function seedRun(
  web: TestWeb,
  dagId: string,
  at: number,
  run: {
    state: 'queued' | 'running' | 'success' | 'failed'
    tasks?: Readonly<Record<string, TaskState | null>>
    rest?: TaskState | null
    seconds?: number
    type?: 'scheduled' | 'manual'
    conf?: JsonObject
  },
): Promise<SeededRun> {
  const { dagRunId, runId } = await triggerRun(
    web,
    {
      dagId,
      runId: makeRunId('manual', at),
      ...(run.conf === undefined ? {} : { conf: run.conf }),
      dataInterval: { start: at - 3_600_000, end: at },
      runAfter: at,
    },
    SEEDER,
  )
  const type = run.type ?? 'scheduled'
  const name = type === 'scheduled' ? runId.replace('manual__', 'scheduled__') : runId
  const seconds = run.seconds ?? 50
  await web.database.query(
    `update dag_run set run_type = $2, run_id = $3, state = $4, logical_date = to_timestamp($5) - interval '1 hour',
      start_date = case when $4 = 'queued' then null else to_timestamp($5) end,
       triggering_user_name = null, triggered_by = case when $2 = 'scheduled' then 'timetable' else 'ui' end,
       end_date = case when $4 in ('success', 'failed') then to_timestamp($5) + $6 * interval '1 second' end where id = $1`,
    [dagRunId, type, name, run.state, at / 1000, seconds],
  )
  const rest = run.rest === undefined ? (run.state === 'success' ? 'success' : null) : run.rest
  await web.database.query(
    `update task_instance set run_id = $2, state = coalesce(($3::jsonb) ->> task_id, case when ($3::jsonb) ?
       task_id then null else $4 end) where dag_run_id = $1`,
    [dagRunId, name, JSON.stringify(run.tasks ?? {}), rest],
  )
  await web.database.query(
    `update task_instance t set
       try_number = case when state in ('success', 'failed', 'running', 'queued', 'up_for_retry') then 1 else 0 end,
       hostname = case when state in ('success', 'failed', 'running', 'up_for_retry') then 'seoul-1' end,
       pid = case when state in ('success', 'failed', 'running') then 48213 end,
       start_date = case when state in ('success', 'failed', 'running', 'up_for_retry') then to_timestamp($2) + o.n * $3::float8 * interval '1 second' end,
       end_date = case when state in ('success', 'failed', 'up_for_retry') then to_timestamp($2) + (o.n + 1) * $3::float8 * interval '1 second' end,
       duration = case when state in ('success', 'failed', 'up_for_retry') then $3::float8 end
     from (select id, row_number() over (order by id) - 1 as n from task_instance where dag_run_id = $1) o
     where t.dag_run_id = $1 and t.id = o.id`,
    [dagRunId, at / 1000, seconds / 8],
  )
  return { id: dagRunId, runId: name }
}

/**
 * Gives a mapped task of a run its instances: those not named are of `rest`, numbered 0 to n - 1. A null name leaves them
 * without one.
 */
export async function seedMapped(
  web: TestWeb,
  run: SeededRun,
  taskId: string,
  n: number,
  of: { states?: Readonly<Record<number, TaskState | null>>; rest: TaskState | null; names?: readonly string[] },
): Promise<void> {
  const states = Object.entries(of.states ?? {})
  await web.database.query(
    `with first as (delete from task_instance where dag_run_id = $1 and task_id = $2 returning *)
     insert into task_instance (dag_run_id, id, task_id, dag_id, run_id, map_index, state, try_number, max_tries, start_date, end_date, duration,
       hostname, pool, pool_slots, queue, priority_weight, operator, rendered_map_index, dag_version_id)
     select f.dag_run_id, gen_random_uuid(), f.task_id, f.dag_id, f.run_id, i, s.state, case when s.state is null then 0 else 1 end, 3,
       case when s.state in ('success', 'failed', 'running') then coalesce(f.start_date, now()) + (i % 40) * interval '1 second' end,
       case when s.state in ('success', 'failed') then coalesce(f.start_date, now()) + (i % 40 + 2) * interval '1 second' end,
       case when s.state in ('success', 'failed') then 1.2 + (i % 7) / 10.0 end, 'seoul-1', f.pool, f.pool_slots, f.queue, f.priority_weight,
       f.operator, ($6::text[])[i + 1], f.dag_version_id
     from first f, generate_series(0, $3::int - 1) i
     left join unnest($4::int[], $5::text[]) x(i, state) using (i)
     cross join lateral (select case when x.i is null then $7::text else x.state end as state) s`,
    [run.id, taskId, n, states.map(([i]) => Number(i)), states.map(([, state]) => state), of.names ?? [], of.rest],
  )
}

/** A mapped task of a test, over a list that some upstream returns. */
export const mappedTask = (taskId: string, over: string, more: Partial<SerializedTask> = {}): SerializedTask =>
  makeTask(taskId, {
    mapping: { kind: 'product', over: [{ name: 'item', kind: 'ref', taskId: over }], fill: null },
    ...more,
  })

/** A wait of a deferred instance, with the triggerer that holds it. */
export async function seedWait(
  web: TestWeb,
  run: SeededRun,
  taskId: string,
  wait: { kind: 'time' | 'trigger'; name: string; args: unknown; readyAt: number | null; isHeld?: boolean },
): Promise<void> {
  const { rows } = wait.isHeld
    ? await web.database.query<{ id: number }>(
        "insert into job (job_type, state, hostname, pid, boot_id) values ('TriggererJob', 'running', 'seoul-2', 7, 'b') returning id",
      )
    : { rows: [] }
  await web.database.query(
    `with ti as (update task_instance set state = 'deferred', start_date = coalesce(start_date, now()) where dag_run_id = $1 and task_id = $2 returning *),
     held as (insert into task_queue (dag_run_id, ti_id, stage, dag_id, task_id, map_index, queue, pool, pool_slots, priority_weight, epoch, ready_at)
       select dag_run_id, id, 'deferred', dag_id, task_id, map_index, queue, pool, pool_slots, priority_weight, 1, to_timestamp($6::float8) from ti)
     insert into trigger (dag_run_id, ti_id, try_number, epoch, kind, classpath, kwargs, triggerer_id)
     select dag_run_id, id, 1, 1, $3, $4, $5::jsonb, $7 from ti`,
    [
      run.id,
      taskId,
      wait.kind,
      wait.name,
      JSON.stringify(wait.args),
      wait.readyAt === null ? null : wait.readyAt / 1000,
      rows[0]?.id ?? null,
    ],
  )
}

/** A ledger row of one instance. */
export async function seedEvent(
  web: TestWeb,
  run: SeededRun,
  taskId: string,
  event: { from: TaskState | null; to: TaskState | null; because: unknown; tryNumber?: number; at?: number },
): Promise<void> {
  await web.database.query(
    `insert into ti_event (dag_run_id, rev, ti_id, try_number, from_state, to_state, who, because, at)
     select $1, coalesce((select max(rev) from ti_event where dag_run_id = $1), 0) + 1, t.id, $3, $4, $5, 'worker seoul-1', $6, to_timestamp($7)
     from task_instance t where t.dag_run_id = $1 and t.task_id = $2`,
    [
      run.id,
      taskId,
      event.tryNumber ?? 1,
      event.from,
      event.to,
      JSON.stringify(event.because),
      (event.at ?? Date.now()) / 1000,
    ],
  )
}

export async function seedXCom(
  web: TestWeb,
  run: SeededRun,
  taskId: string,
  key: string,
  value: unknown,
): Promise<void> {
  await web.database.query(
    `insert into xcom (dag_run_id, task_id, map_index, key, dag_id, run_id, value)
     select id, $2, -1, $3, dag_id, run_id, $4::json from dag_run where id = $1`,
    [run.id, taskId, key, JSON.stringify(value)],
  )
}

/** What a task's only try told of its work. */
export async function seedEffect(web: TestWeb, run: SeededRun, taskId: string, effect: Effect): Promise<void> {
  await web.database.query(
    `insert into effect (dag_run_id, task_id, map_index, try_number, kind, target, dag_id, run_id,
      rows_read, rows_written, rows_rejected, bytes, checksum, offsets, lag, rows_per_second, freshness)
     select dag_run_id, task_id, map_index, try_number, $3, $4, dag_id, run_id, $5, $6, $7, $8, $9, $10::jsonb, $11, $12, $13
      from task_instance where dag_run_id = $1 and task_id = $2`,
    [
      run.id,
      taskId,
      effect.kind,
      effect.target,
      effect.rowsRead,
      effect.rowsWritten,
      effect.rowsRejected ?? 0,
      effect.bytes ?? null,
      effect.checksum ?? null,
      effect.offsets === undefined ? null : JSON.stringify(effect.offsets),
      effect.stream?.lag ?? null,
      effect.stream?.rowsPerSecond ?? null,
      effect.stream?.freshness ?? null,
    ],
  )
}

/** A stream as it stood when its last window was settled, `age` seconds ago. */
export async function seedStream(
  web: TestWeb,
  dagId: string,
  target: string,
  stream: { lag: number; age: number; freshness: number; rejected?: number },
): Promise<void> {
  await web.database.query(
    `insert into stream (dag_id, task_id, target, lag, rows_per_second, rows_read, rows_written, rows_rejected, newest_at, settled_at)
     values ($1, 'consume', $2, $3, 1250.5, 48213, 48213 - $4::bigint, $4, now() - $6 * interval '1 s', now() - $5 * interval '1 s')`,
    [dagId, target, stream.lag, stream.rejected ?? 0, stream.age, stream.freshness],
  )
}

/** A callback of a DAG that was given up a moment ago. */
export async function seedFailedCallback(web: TestWeb, dagId: string, taskId: string, output: string): Promise<void> {
  await web.database.query(
    `insert into callback (id, dedup_key, kind, dag_id, dag_version_id, task_id, ordinal, data, state, tries, output, start_date, end_date)
     select gen_random_uuid(), gen_random_uuid()::text, 'failure', v.dag_id, v.id, $2, 0, '{}', 'failed', 8, $3, now(), now()
     from dag_version v where v.dag_id = $1 order by v.version_number desc limit 1`,
    [dagId, taskId, output],
  )
}

export async function seedReport(
  web: TestWeb,
  run: SeededRun,
  taskId: string,
  name: string,
  report: ResultTable,
): Promise<void> {
  await web.database.query(
    `insert into report (dag_run_id, name, dag_id, run_id, task_id, body, row_count)
     select dag_run_id, $3, dag_id, run_id, task_id, $4::jsonb, $5 from task_instance where dag_run_id = $1 and task_id = $2`,
    [run.id, taskId, name, JSON.stringify(report), report.rows.length],
  )
}

export interface SeededLine {
  readonly level?: string
  readonly event: string
  readonly at?: number
}

export const logLine = ({ level = 'info', event, at = Date.now() }: SeededLine): string =>
  `${JSON.stringify({ timestamp: new Date(at).toISOString(), level, logger: 'task', event })}\n`

/** Writes an attempt's log; returns its path. */
export async function seedLog(
  web: TestWeb,
  at: { dagId: string; runId: string; taskId: string; tryNumber: number },
  lines: readonly SeededLine[],
): Promise<string> {
  const path = attemptLogPath(web.logFolder, { ...at, mapIndex: -1 })
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, lines.map(logLine).join(''))
  return path
}

export const notify = (web: TestWeb, runs: readonly number[], dags: readonly string[] = []) =>
  web.database.query("select pg_notify('ui', $1)", [JSON.stringify({ runs, dags })])
