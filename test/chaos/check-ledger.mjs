// Invariants that the tables and the ledger alone must keep (docs/reliability.md invariants I1, I2, I4, I5, I6, I8 and I9).

import { CALENDAR, POOLS, sizes } from './dags.mjs'
import { Finding } from './history.mjs'
import { isAlive } from './tools.mjs'

/** docs/reliability.md#legal-moves without what only a user does: nobody clears or marks here. */
const MOVES = {
  none: ['scheduled', 'skipped', 'upstream_failed', 'removed'],
  scheduled: ['queued'],
  queued: ['running', 'scheduled', 'failed'],
  running: ['success', 'failed', 'skipped', 'up_for_retry'],
  up_for_retry: ['scheduled', 'failed'],
}
const ACTIVE = new Set(['queued', 'running', 'restarting'])
const name = (ti) => `${ti.dag_id} ${ti.run_id} ${ti.task_id}`

/** Each minute of the calendar is one scheduled run, no more and no other. */
export function checkDates({ runs }, dueDates) {
  const [each, once] = [
    new Finding('I1', 'every due date has its run'),
    new Finding('I2', 'one run a date, none outside the timetable'),
  ]
  const scheduled = runs.filter((run) => run.dag_id === CALENDAR.dagId && run.run_type === 'scheduled')
  const byDate = new Map()
  for (const run of scheduled) byDate.set(run.logical_date, [...(byDate.get(run.logical_date) ?? []), run.run_id])
  for (const date of dueDates) each.expect(byDate.has(date), () => `no run of ${new Date(date).toISOString()}`)
  for (const [date, ids] of byDate) {
    const isInside = date % 60_000 === 0 && date >= dueDates[0]
    once.expect(ids.length === 1 && isInside, () => `${ids.length} run(s) of ${new Date(date).toISOString()}: ${ids}`)
  }
  const others = runs.filter((run) => run.run_type === 'scheduled' && run.dag_id !== CALENDAR.dagId)
  for (const run of others) once.expect(false, () => `${run.dag_id} has no schedule, and a run ${run.run_id}`)
  return [each, once]
}

/** Tries, epochs, ends and moves of each instance. */
export function checkInstances({ instances, byInstance }) {
  const tries = new Finding('I4', 'tries without a hole, each (try, epoch) starts once')
  const ends = new Finding('I5', 'at most one end a try, of the current epoch')
  const moves = new Finding('I6', 'only legal moves, each from where the last one led')
  for (const ti of instances) {
    let [state, number, epoch] = ['none', 0, 0]
    const [started, ended] = [new Set(), new Set()]
    for (const event of byInstance.get(ti.id)) {
      const [from, to] = [event.from_state ?? 'none', event.to_state ?? 'none']
      moves.expect(
        from === state && MOVES[from]?.includes(to) === true,
        () => `${name(ti)}: ${from} → ${to} after ${state}`,
      )
      if (to === 'scheduled' && (from === 'none' || from === 'up_for_retry')) number++
      if (to === 'running') {
        const key = `${number}/${event.epoch}`
        tries.expect(!started.has(key) && event.epoch > epoch, () => `${name(ti)}: try ${key} starts again`)
        started.add(key)
        epoch = event.epoch
      }
      if (['success', 'failed', 'skipped', 'up_for_retry'].includes(to) && from === 'running') {
        ends.expect(!ended.has(number), () => `${name(ti)}: try ${number} ends again, ${to} (${event.who})`)
        ended.add(number)
        ends.expect(
          event.epoch >= epoch,
          () => `${name(ti)}: epoch ${event.epoch} ends try ${number} of epoch ${epoch}`,
        )
      }
      state = to
    }
    tries.expect(ti.try_number === number, () => `${name(ti)}: the row says try ${ti.try_number}, the ledger ${number}`)
    tries.expect(
      started.size >= number || state !== 'success',
      () => `${name(ti)}: ${number} tries, ${started.size} starts`,
    )
    moves.expect((ti.state ?? 'none') === state, () => `${name(ti)}: the row says ${ti.state}, the ledger ${state}`)
  }
  return [tries, ends, moves]
}

/** Slots at each instant, as the ledger tells it: pools, and the running runs of the calendar. */
export function checkLimits({ instances, runs, events }) {
  const finding = new Finding('I8', 'pools and max_active_runs never exceeded (ledger)')
  const tiOf = new Map(instances.map((ti) => [ti.id, ti]))
  const used = new Map()
  const calendar = new Set(runs.filter((run) => run.dag_id === CALENDAR.dagId).map(({ id }) => id))
  const running = new Set()
  for (const event of events) {
    if (event.ti_id === null) {
      if (!calendar.has(event.run)) continue
      if (event.to_state === 'running') running.add(event.run)
      else running.delete(event.run)
      finding.expect(
        running.size <= CALENDAR.maxActiveRuns,
        () => `${running.size} runs of ${CALENDAR.dagId} at a time`,
      )
      continue
    }
    const { pool, pool_slots: slots } = tiOf.get(event.ti_id)
    const step = Number(ACTIVE.has(event.to_state)) - Number(ACTIVE.has(event.from_state))
    const now = (used.get(pool) ?? 0) + step * slots
    used.set(pool, now)
    if (step > 0 && POOLS[pool] !== undefined)
      finding.expect(now <= POOLS[pool], () => `${now} slots of pool ${pool} in use`)
  }
  return [finding]
}

/** A minute after the last fault: whatever is unfinished has a living holder. */
export function checkHolders(live) {
  const finding = new Finding('I9', 'a minute after the faults: living holders; all runs closed, all well')
  for (const row of live.filter(({ stage }) => stage === 'running' || stage === 'restarting'))
    finding.expect(
      row.job_state === 'running' && isAlive(row.pid),
      () => `${row.task_id} is held by worker ${row.worker_id}, which is dead`,
    )
  return finding
}

/** At the end: every run that was asked for is there, closed with success, and whole. */
export function checkClosed(finding, { runs, instances, live }, { triggered, tasks, isDrained }) {
  finding.expect(isDrained, () => 'runs are still open long after the last fault')
  const size = sizes(tasks)
  const count = new Map()
  for (const ti of instances) {
    count.set(ti.run, (count.get(ti.run) ?? 0) + 1)
    finding.expect(ti.state === 'success', () => `${name(ti)} is ${ti.state}`)
  }
  for (const run of runs) {
    finding.expect(run.state === 'success', () => `${run.dag_id} ${run.run_id} is ${run.state}`)
    finding.expect(
      count.get(run.id) === size[run.dag_id],
      () => `${run.dag_id} ${run.run_id} has ${count.get(run.id)} instances`,
    )
  }
  finding.expect(live.length === 0, () => `${live.length} rows are left in task_queue`)
  const asked = new Finding('I13', 'an acknowledged trigger has its one run')
  const known = new Set(runs.map((run) => `${run.dag_id} ${run.run_id}`))
  for (const { dagId, runId } of triggered)
    asked.expect(known.has(`${dagId} ${runId}`), () => `${dagId} ${runId} is lost`)
  const manual = runs.filter((run) => run.run_type === 'manual').length
  asked.expect(manual === triggered.length, () => `${triggered.length} runs were asked for, ${manual} are there`)
  return [finding, asked]
}
