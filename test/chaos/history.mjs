// What happened, as three witnesses tell it: the tables and the ledger in Postgres, the lines the tasks wrote themselves, and
// the logs. Read with SQL and files alone: nothing here or in the checks is the product's code.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readLines } from './tools.mjs'

const INSTANCES = `select t.id, t.dag_run_id::int as run, t.dag_id, t.run_id, t.task_id, t.state, t.try_number, t.epoch, t.pool, t.pool_slots,
    r.state as run_state from task_instance t join dag_run r on r.id = t.dag_run_id`

const RUNS = `select id::int, dag_id, run_id, run_type, state, (extract(epoch from logical_date) * 1000)::float8 as logical_date,
    (extract(epoch from run_after) * 1000)::float8 as run_after from dag_run`

/** A transaction (its rows share xmin) is one point in time, at its last statement; what it gives back counts first. */
const EVENTS = `select * from (
    select e.dag_run_id::int as run, e.rev::int, e.step, e.ti_id, e.try_number, e.epoch, e.from_state, e.to_state, e.who, e.because ->> 'code' as why,
      (extract(epoch from e.at) * 1000)::float8 as at, max(e.at) over (partition by e.xmin::text) as written, e.xmin::text as tx from ti_event e) x
  order by written, tx, (from_state is distinct from 'running'), rev, step`

const XCOMS = "select dag_run_id::int as run, task_id, value from xcom where key = 'return_value'"

const LIVE = `select l.dag_run_id::int as run, l.ti_id, l.task_id, l.stage, l.worker_id::int, j.state as job_state, j.pid from task_queue l
    left join job j on j.id = l.worker_id`

/** Attempts as their own lines tell them, by fence (`instance/try/epoch`). */
export function readAttempts(folder) {
  const attempts = new Map()
  for (const name of readdirSync(folder)) {
    for (const line of readLines(join(folder, name))) {
      let seen = attempts.get(line.fence)
      if (seen === undefined) {
        const [ti, , epoch] = line.fence.split('/')
        const { fence, dagId, runId, taskId, tryNumber, pid } = line
        seen = { fence, ti, epoch: Number(epoch), dagId, runId, taskId, tryNumber, pid, from: line.at, to: line.at }
        Object.assign(seen, { starts: 0, printed: 0, printedAt: 0, hash: null, hasEnded: false })
        attempts.set(line.fence, seen)
      }
      seen.to = Math.max(seen.to, line.at)
      seen.from = Math.min(seen.from, line.at)
      if (line.what === 'start') seen.starts++
      if (line.what === 'printed') [seen.printed, seen.printedAt] = [line.to, line.at]
      if (line.what === 'xcom') seen.hash = line.hash
      if (line.what === 'end') seen.hasEnded = true
    }
  }
  return attempts
}

/** What is waiting, queued or running, and who holds it. */
export const readLive = (query) => query(LIVE)

export async function readHistory({ query, witness }) {
  const [instances, runs, events, xcoms, live] = [
    await query(INSTANCES),
    await query(RUNS),
    await query(EVENTS),
    await query(XCOMS),
    await readLive(query),
  ]
  const byInstance = new Map(instances.map(({ id }) => [id, []]))
  for (const event of events) if (event.ti_id !== null) byInstance.get(event.ti_id)?.push(event)
  // Of one instance the order of its run counts, which has no doubt.
  for (const list of byInstance.values()) list.sort((a, b) => a.rev - b.rev || a.step - b.step)
  return { instances, runs, events, byInstance, xcoms, live, attempts: readAttempts(witness) }
}

/** Lines of the log of one try, parsed; null when there is none. */
export function readLog(logs, { dagId, runId, taskId, tryNumber }) {
  const path = join(logs, `dag_id=${dagId}`, `run_id=${runId}`, `task_id=${taskId}`, `attempt=${tryNumber}.log`)
  try {
    readFileSync(path)
  } catch {
    return null
  }
  return readLines(path)
}

/** Collects what an invariant found. */
export class Finding {
  constructor(id, what) {
    Object.assign(this, { id, what, checked: 0, violations: [] })
  }

  /** Counts one thing that was looked at; `tell` is asked for words only when it does not hold. */
  expect(holds, tell) {
    this.checked++
    if (!holds) this.violations.push(tell())
  }
}
