// The invariants every history must keep (docs/reliability.md#invariants), read from the ledger and held against the tables beside it.

import { expect } from 'vitest'
import { isActive, isFinished, mayMove, type RunState, type TaskState } from '../../core/states.ts'
import type { Sql } from '../../store/sql.ts'

export interface LedgerEvent {
  readonly dag_run_id: number
  readonly rev: number
  readonly step: number
  readonly ti_id: string | null
  readonly try_number: number | null
  readonly epoch: number | null
  readonly from_state: TaskState | RunState | null
  readonly to_state: TaskState | RunState | null
  readonly who: string
  readonly because: { readonly code: string }
  readonly task_id: string | null
  readonly run_id: string
  readonly pool: string | null
  readonly pool_slots: number | null
}

/** Every event with the names around it, a run after the other, each in its order. */
export async function readLedger(sql: Sql): Promise<readonly LedgerEvent[]> {
  const { rows } = await sql.query<LedgerEvent>(
    `select e.dag_run_id, e.rev, e.step, e.ti_id, e.try_number, e.epoch, e.from_state, e.to_state, e.who, e.because, t.task_id, r.run_id,
       t.pool, t.pool_slots
     from ti_event e join dag_run r on r.id = e.dag_run_id left join task_instance t on t.dag_run_id = e.dag_run_id and t.id = e.ti_id
     order by e.dag_run_id, e.rev, e.step, e.at`,
  )
  return rows
}

/**
 * Events of instances in the order in which they came into force: a transaction (its rows share `xmin`) is one point in
 * time, at its last statement, and what it gives back counts before what it takes.
 */
export async function replay(sql: Sql): Promise<readonly LedgerEvent[]> {
  const { rows } = await sql.query<LedgerEvent>(
    `select * from (
       select e.dag_run_id, e.rev, e.step, e.ti_id, e.try_number, e.epoch, e.from_state, e.to_state, e.who, e.because, t.task_id, r.run_id,
         t.pool, t.pool_slots, max(e.at) over (partition by e.xmin::text) as written, e.xmin::text as tx
       from ti_event e join dag_run r on r.id = e.dag_run_id join task_instance t on t.dag_run_id = e.dag_run_id and t.id = e.ti_id) x
     order by written, tx, (from_state is distinct from 'running'), rev, step`,
  )
  return rows
}

/** The most `weigh`ed instances that were active (queued or running) at one instant, by what `group` names. */
export function peaks(
  events: readonly LedgerEvent[],
  group: (event: LedgerEvent) => string,
  weigh: (event: LedgerEvent) => number = () => 1,
): Map<string, number> {
  const now = new Map<string, number>()
  const most = new Map<string, number>()
  for (const event of events) {
    // Proven task states by the check below: run events have no instance.
    const step =
      Number(isActive(event.to_state as TaskState | null)) - Number(isActive(event.from_state as TaskState | null))
    const key = group(event)
    const used = (now.get(key) ?? 0) + step * weigh(event)
    now.set(key, used)
    most.set(key, Math.max(most.get(key) ?? 0, used))
  }
  return most
}

/** Moves by a user's word, which may set what has ended. */
const USERS: ReadonlySet<string> = new Set(['marked', 'run_marked'])

function checkInstance(events: readonly LedgerEvent[]): void {
  const name = `${events[0]?.run_id} ${events[0]?.task_id}`
  let [state, tries, epoch]: [TaskState | null, number, number] = [null, 0, 0]
  const endedTries = new Set<number>()
  for (const event of events) {
    const [from, to] = [event.from_state as TaskState | null, event.to_state as TaskState | null]
    const where = `${name} rev ${event.rev} step ${event.step}: ${from} → ${to}`
    expect(from, `${where} follows from what was before`).toBe(state)
    const isUsers = USERS.has(event.because.code)
    expect(isUsers || mayMove(from, to), `${where} is a legal move`).toBe(true)
    if (to === 'scheduled' && (from === null || from === 'up_for_retry')) tries++
    if (to === 'running') {
      epoch++
      expect(endedTries.has(tries), `${where}: try ${tries} starts once`).toBe(false)
    }
    // A try that waits for its retry has ended already: its run may end it for good.
    // What ends without having been scheduled (left out, removed) has no try that could end.
    // Nor does one end again that a user sets otherwise, or that leaves its DAG.
    const isOver = isFinished(from) || from === 'up_for_retry' || from === null
    if ((isFinished(to) && !isOver) || to === 'up_for_retry') {
      expect(endedTries.has(tries), `${where}: try ${tries} ends once`).toBe(false)
      endedTries.add(tries)
    }
    state = to
    // The rows of one statement carry where it ended; the last of them must agree with the count.
    expect(event.try_number, `${where}: tries have no hole`).toBeGreaterThanOrEqual(tries)
    expect(event.epoch, `${where}: epochs have no hole`).toBeGreaterThanOrEqual(epoch)
  }
  const last = events[events.length - 1]
  expect(last?.try_number, `${name}: tries 1, 2, 3 … without hole`).toBe(tries)
  expect(last?.epoch, `${name}: epochs 1, 2, 3 … without hole`).toBe(epoch)
}

const STAGES: Readonly<Record<string, readonly string[]>> = {
  queued: ['queued'],
  running: ['running'],
  up_for_retry: ['waiting'],
  up_for_reschedule: ['waiting'],
  deferred: ['deferred'],
  restarting: ['restarting'],
  // Ready, and held by a limit; or waiting for room in its own run, which its run's end of a task makes.
  scheduled: ['throttled', 'none'],
}

/**
 * Checks everything there is: legal moves that follow from each other, tries 1, 2, 3 … without hole, one end a try,
 * attempts that do not overlap, and tables (task_instance, task_queue, dag_run) that say what the ledger says.
 */
export async function expectSoundLedger(sql: Sql): Promise<readonly LedgerEvent[]> {
  const events = await readLedger(sql)
  const byInstance = new Map<string, LedgerEvent[]>()
  for (const event of events)
    if (event.ti_id !== null) byInstance.set(event.ti_id, [...(byInstance.get(event.ti_id) ?? []), event])
  for (const list of byInstance.values()) checkInstance(list)
  await expectTablesAgree(sql, byInstance)
  await expectRunsAgree(sql, events)
  return events
}

interface InstanceNow {
  readonly id: string
  readonly task_id: string
  readonly state: TaskState | null
  readonly try_number: number
  readonly epoch: number
  readonly stage: string | null
  readonly live_epoch: number | null
  readonly run_state: RunState
}

async function expectTablesAgree(sql: Sql, ledger: ReadonlyMap<string, readonly LedgerEvent[]>): Promise<void> {
  const { rows } = await sql.query<InstanceNow>(
    `select t.id, t.task_id, t.state, t.try_number, t.epoch, l.stage, l.epoch as live_epoch, r.state as run_state
     from task_instance t join dag_run r on r.id = t.dag_run_id left join task_queue l on l.dag_run_id = t.dag_run_id and l.ti_id = t.id`,
  )
  for (const ti of rows) {
    const last = ledger.get(ti.id)?.at(-1)
    expect(ti.state, `${ti.task_id}: the row has the ledger's state`).toBe(last?.to_state ?? null)
    expect(ti.try_number, `${ti.task_id}: the row has the ledger's try`).toBe(last?.try_number ?? 0)
    expect(ti.epoch, `${ti.task_id}: the row has the ledger's epoch`).toBe(last?.epoch ?? 0)
    const stages = STAGES[ti.state ?? ''] ?? ['none']
    expect(stages, `${ti.task_id}: task_queue fits ${ti.state}`).toContain(ti.stage ?? 'none')
    if (ti.live_epoch !== null && ti.stage !== 'throttled')
      expect(ti.live_epoch, `${ti.task_id}: the epoch in task_queue`).toBe(ti.epoch)
  }
  const { rows: strays } = await sql.query(
    'select 1 from task_queue l where not exists (select 1 from task_instance t where t.dag_run_id = l.dag_run_id and t.id = l.ti_id)',
  )
  expect(strays, 'task_queue holds nothing that is no instance').toEqual([])
}

async function expectRunsAgree(sql: Sql, events: readonly LedgerEvent[]): Promise<void> {
  const { rows: runs } = await sql.query<{
    id: number
    run_id: string
    state: RunState
    rev: number
    end_date: number | null
  }>('select id, run_id, state, rev, end_date from dag_run')
  for (const run of runs) {
    const own = events.filter((event) => event.dag_run_id === run.id)
    const moves = own.filter((event) => event.ti_id === null)
    let state: string | null = 'queued'
    for (const move of moves) {
      expect(move.from_state, `${run.run_id}: run moves follow from each other`).toBe(state)
      state = move.to_state
    }
    expect(run.state, `${run.run_id}: the row has the ledger's state`).toBe(state)
    for (const event of own) expect(event.rev, `${run.run_id}: no event is of the future`).toBeLessThanOrEqual(run.rev)
    expect(run.end_date !== null, `${run.run_id}: ended runs have an end`).toBe(
      state === 'success' || state === 'failed',
    )
  }
}
