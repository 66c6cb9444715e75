// What Airflow was seen to clear, mark and backfill, done here: the same instances, the same states, the same runs.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SerializedDag } from '../../core/serialized.ts'
import type { Mark, RunState } from '../../core/states.ts'
import { parseSchedule } from '../../core/timetables/parse-schedule.ts'
import type { TimetableSpec } from '../../core/timetables/timetable.ts'
import { type ClearRequest, clear, previewClear } from '../../engine/control/clear.ts'
import { mark, markRun, previewMark, previewRunMark } from '../../engine/control/mark.ts'
import type { Engine } from '../../engine/engine.ts'
import { createBackfill, previewBackfill } from '../../engine/runs/backfill.ts'
import { readFacts, replay } from '../oracle/facts.ts'
import { startEngine, type TestEngine } from '../support/engine.ts'
import { makeDag, makeTask } from '../support/make-dag.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'

const STATES: Readonly<Record<string, string | null>> = {
  '-': null,
  s: 'success',
  f: 'failed',
  u: 'upstream_failed',
  k: 'skipped',
  r: 'running',
  c: 'scheduled',
  q: 'queued',
  y: 'up_for_retry',
  e: 'up_for_reschedule',
  d: 'deferred',
  x: 'removed',
  t: 'restarting',
}
const LETTERS = new Map(Object.entries(STATES).map(([letter, state]) => [state, letter]))

type Instance = readonly [letter: string, tryNumber: number, maxTries: number]
type Run = readonly [logicalDate: number | null, state: RunState, tasks: Readonly<Record<string, Instance>>]
type RunAfter = readonly [runId: string, state: RunState, tasks: Readonly<Record<string, Instance>>]
interface Order {
  readonly run?: string
  readonly task?: string
  readonly tasks?: readonly string[]
  readonly to?: number | null | Mark | 'queued'
  readonly from?: number | null
  readonly upstream?: boolean
  readonly downstream?: boolean
  readonly past?: boolean
  readonly future?: boolean
  readonly only_failed?: boolean
  readonly only_running?: boolean
  readonly reset?: boolean
}
type Control = readonly [
  dag: number,
  runs: readonly Run[],
  verb: 'clear' | 'mark' | 'mark_run',
  order: Order,
  touched: readonly string[] | 'refused',
  after: readonly RunAfter[],
]
type BackfillDates = readonly (readonly [logicalDate: number, exception: string | null, runId: string | null])[]
type Backfill = readonly [
  dag: number,
  runs: readonly Run[],
  order: { from: number; to: number; reverse: boolean; reprocess: 'none' | 'completed' | 'failed' },
  dry: readonly number[] | string,
  made: BackfillDates | string,
  after: readonly RunAfter[],
]
interface Facts {
  readonly dags: readonly (readonly [
    number,
    string,
    unknown,
    readonly string[],
    readonly (readonly [string, string])[],
  ])[]
  readonly controls: readonly Control[]
  readonly backfills: readonly Backfill[]
}

const facts = readFacts<Facts>('run-control')
const iso = (seconds: number) => new Date(seconds * 1000).toISOString()
const ms = (seconds: number | null | undefined) => (seconds === null || seconds === undefined ? null : seconds * 1000)

function timetableOf(kind: string, told: unknown): TimetableSpec {
  if (kind === 'delta') return { kind: 'delta', everyMs: Number(told) * 1000, interval: false }
  const text = Array.isArray(told) ? String(told[0]) : told
  const spec = text === null ? ({ kind: 'none' } as const) : parseSchedule(String(text))
  return spec.kind === 'cron' ? { ...spec, interval: kind === 'interval' } : spec
}

/** Named as the facts name them, with retries as the generator gives them. */
function dagOf([number, kind, told, names, edges]: Facts['dags'][number]): SerializedDag {
  const tasks = names.map((name, i) => makeTask(name, { retries: i % 3 }))
  return makeDag(tasks, edges, { dagId: `oracle_${number}`, timetable: timetableOf(kind, told) })
}

let postgres: TestPostgres
let engine: TestEngine
let deps: Engine
beforeAll(async () => {
  postgres = await startTestPostgres()
  engine = await startEngine(postgres)
  for (const dag of facts.dags) await engine.addDag(dagOf(dag))
  deps = {
    database: engine.database,
    runCache: engine.runCache,
    transactions: engine.makeScheduler().transactions,
    vault: engine.vault,
  }
})
afterAll(async () => {
  await engine.close(true)
  await postgres.stop()
})

/** The runs of a fact, and nothing else of their DAG. */
async function makeRuns(dagId: string, runs: readonly Run[]): Promise<void> {
  await engine.query('delete from ti_event where dag_run_id in (select id from dag_run where dag_id = $1)', [dagId])
  await engine.query('delete from task_queue where dag_id = $1', [dagId])
  await engine.query('delete from dag_run where dag_id = $1', [dagId])
  await engine.query('delete from backfill where dag_id = $1', [dagId])
  await engine.query("delete from inbox where kind = 'clear'")
  for (const [place, [date, state, tasks]] of runs.entries()) {
    const [row] = await engine.query<{ id: number }>(
      `insert into dag_run (dag_id, run_id, run_type, state, logical_date, run_after, end_date, created_dag_version_id)
       values ($1::varchar, $2, 'manual', $3::text, $4, now(), case when $3::text in ('success', 'failed') then now() end,
         (select id from dag_version where dag_id = $1::varchar)) returning id`,
      [dagId, `r${place}`, state, date === null ? null : iso(date)],
    )
    for (const [taskId, [letter, tries, most]] of Object.entries(tasks))
      await engine.query(
        `insert into task_instance (dag_run_id, id, task_id, dag_id, run_id, state, try_number, max_tries, pool, pool_slots, queue, priority_weight, operator)
         values ($1, gen_random_uuid(), $2, $3, $4, $5, $6, $7, 'default_pool', 1, 'default', 1, 'Empty')`,
        [row?.id, taskId, dagId, `r${place}`, STATES[letter], tries, most],
      )
  }
}

interface Found {
  readonly run_id: string
  readonly run_state: RunState
  readonly task_id: string
  readonly state: string | null
  readonly max_tries: number
}

/** How the user's verb alone left things: what the same transaction decided next is not part of it. */
async function look(dagId: string, runs: readonly Run[]): Promise<ReadonlyMap<string, RunAfter>> {
  const verbs = "('cleared', 'marked', 'run_marked')"
  const rows = await engine.query<Found>(
    `select t.run_id, t.task_id, t.max_tries,
       coalesce((select e.to_state from ti_event e where e.dag_run_id = r.id and e.ti_id is null and e.because ->> 'code' in ${verbs}), '?') as run_state,
       case when exists (select 1 from ti_event e where e.dag_run_id = r.id and e.ti_id = t.id and e.because ->> 'code' in ${verbs})
         then (select e.to_state from ti_event e where e.dag_run_id = r.id and e.ti_id = t.id and e.because ->> 'code' in ${verbs}
           order by e.rev desc, e.step desc limit 1) else '?' end as state
     from dag_run r join task_instance t on t.dag_run_id = r.id where r.dag_id = $1`,
    [dagId],
  )
  const found = new Map<string, RunAfter>()
  for (const [place, [, before, tasks]] of runs.entries()) {
    const own = rows.filter((row) => row.run_id === `r${place}`)
    const after = own.map((row) => {
      const old = tasks[row.task_id]
      const letter = row.state === '?' ? (old?.[0] ?? '?') : (LETTERS.get(row.state) ?? '?')
      return [row.task_id, [letter, old?.[1] ?? -1, row.max_tries]] as const
    })
    const state = own[0] === undefined || String(own[0].run_state) === '?' ? before : own[0].run_state
    found.set(`r${place}`, [`r${place}`, state, Object.fromEntries(after)])
  }
  return found
}

/** What a fact says of the runs afterwards, those that did not change as they were. */
function expected(runs: readonly Run[], after: readonly RunAfter[]): ReadonlyMap<string, RunAfter> {
  const all = new Map(runs.map(([, state, tasks], place) => [`r${place}`, [`r${place}`, state, tasks] as RunAfter]))
  for (const run of after) all.set(run[0], run)
  return all
}

const sorted = (value: unknown): unknown =>
  value instanceof Map || typeof value !== 'object' || value === null || Array.isArray(value)
    ? value
    : Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))

const textOf = (runs: ReadonlyMap<string, RunAfter>): string =>
  JSON.stringify([...runs.values()].map(([id, state, tasks]) => [id, state, sorted(tasks)]))

const keys = (rows: readonly { runId: string; taskId: string }[]): string[] =>
  rows.map((row) => `${row.runId}/${row.taskId}`).sort()

function clearRequest(dagId: string, order: Order): ClearRequest {
  const { run, tasks } = order
  const is = (name: keyof Order) => order[name] === true
  return {
    dagId,
    runs:
      run === undefined
        ? { kind: 'dates', from: ms(order.from), to: typeof order.to === 'number' ? order.to * 1000 : null }
        : { kind: 'run', runId: run, past: is('past'), future: is('future') },
    tasks: {
      tasks: tasks?.map((taskId) => ({ taskId })) ?? null,
      upstream: is('upstream'),
      downstream: is('downstream'),
    },
    filter: { onlyFailed: is('only_failed'), onlyRunning: is('only_running') },
    resetsRuns: order.reset !== false,
    onLatestVersion: false,
    refusesRunning: false,
  }
}

const oracle = { name: 'oracle', via: 'cli' } as const

async function control([number, , verb, order]: Control): Promise<readonly string[] | string> {
  const dagId = `oracle_${number}`
  const runId = order.run ?? ''
  if (verb === 'clear') {
    const request = clearRequest(dagId, order)
    const shown = keys(await previewClear(deps, request))
    expect(keys(await clear(deps, request, oracle))).toEqual(shown)
    return shown
  }
  if (verb === 'mark_run') {
    // The oracle knows no other states than these.
    const to = order.to as 'success' | 'failed' | 'queued'
    const shown = to === 'queued' ? [] : keys(await previewRunMark(deps, dagId, runId))
    await markRun(deps, { dagId, runId, to }, oracle)
    return shown
  }
  const request = {
    dagId,
    runId,
    taskId: order.task ?? '',
    mapIndex: null,
    to: order.to as Mark,
    upstream: order.upstream === true,
    downstream: order.downstream === true,
    past: order.past === true,
    future: order.future === true,
  }
  const shown = await previewMark(deps, request)
  if (shown.set.length > 0) expect(keys((await mark(deps, request, oracle)).set)).toEqual(keys(shown.set))
  return keys(shown.set)
}

const codeOf = (error: unknown): string => (error as { code?: string }).code ?? String(error)

describe(`what Airflow ${facts.airflow} clears and marks`, () => {
  test('is cleared and marked here, instance by instance', async () => {
    const found = new Map<Control, { touched: unknown; after: string }>()
    for (const fact of facts.controls) {
      const dagId = `oracle_${fact[0]}`
      await makeRuns(dagId, fact[1])
      const touched = await control(fact).catch(codeOf)
      found.set(fact, { touched, after: textOf(await look(dagId, fact[1])) })
    }
    const { differences, count } = replay(facts.controls, (fact) => {
      const [, runs, , , told, after] = fact
      const own = found.get(fact)
      const touched = told === 'refused' ? 'INPUT_INVALID' : [...told].sort()
      const same =
        JSON.stringify(own?.touched) === JSON.stringify(touched) && own?.after === textOf(expected(runs, after))
      return same ? null : own
    })
    expect(differences.slice(0, 3)).toEqual([])
    expect(count).toBe(540)
  }, 300_000)
})

describe(`what Airflow ${facts.airflow} backfills`, () => {
  test('is backfilled here: the same dates in the same order, runs made, taken over or left', async () => {
    const found = new Map<Backfill, { dry: unknown; made: unknown }>()
    for (const fact of facts.backfills) {
      const [number, runs, order] = fact
      const dagId = `oracle_${number}`
      await makeRuns(dagId, runs)
      const request = {
        dagId,
        from: order.from * 1000,
        to: order.to * 1000,
        isReverse: order.reverse,
        reprocess: order.reprocess,
        conf: null,
        maxActiveRuns: 10,
        onLatestVersion: false,
      }
      const dry = await previewBackfill(deps, request).then(
        (dates) => dates.filter((date) => date.exception === null).map((date) => date.run.logicalDate / 1000),
        codeOf,
      )
      const made = await createBackfill(deps, request, oracle).then(
        async (id) =>
          (
            await engine.query<{ at: number; reason: string | null; run_id: string | null }>(
              `select o.logical_date as at, o.exception_reason as reason, r.run_id from backfill_dag_run o left join dag_run r on r.id = o.dag_run_id
               where o.backfill_id = $1 order by o.sort_ordinal`,
              [id],
            )
          ).map((row) => [row.at / 1000, row.reason, row.run_id]),
        codeOf,
      )
      found.set(fact, { dry, made })
    }
    const told = (value: unknown) => (typeof value === 'string' ? 'INPUT_INVALID' : value)
    const { differences, count } = replay(facts.backfills, (fact) => {
      const own = found.get(fact)
      const same = JSON.stringify([own?.dry, own?.made]) === JSON.stringify([told(fact[3]), told(fact[4])])
      return same ? null : own
    })
    expect(differences.slice(0, 3)).toEqual([])
    expect(count).toBe(144)
  }, 300_000)
})
