// Invariants that need the tasks' own word: attempts that overlap, what they handed on, what they printed (I3, I8, I10, I11),
// and what each fault demands for itself.

import { createHash } from 'node:crypto'
import { LINES, POOLS } from './dags.mjs'
import { Finding, readLog } from './history.mjs'

/** Postgres keeps no order of keys: both sides are hashed in one that is. */
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const keys = Object.keys(value).sort()
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(',')}}`
}
const hashOf = (value) => createHash('sha256').update(canonical(value)).digest('hex')
const name = (one) => `${one.dagId} ${one.runId} ${one.taskId} try ${one.tryNumber}`

/** I3, and I4 as the tasks saw it. */
export function checkAttempts({ attempts, byInstance }) {
  const overlaps = new Finding('I3', 'attempts of one instance never overlap')
  const starts = new Finding('I4w', 'each attempt that ran was started once, and stands in the ledger')
  const byTi = new Map()
  for (const attempt of attempts.values()) byTi.set(attempt.ti, [...(byTi.get(attempt.ti) ?? []), attempt])
  for (const [ti, list] of byTi) {
    list.sort((a, b) => a.from - b.from)
    for (const [i, attempt] of list.entries()) {
      const before = list[i - 1]
      const tell = () => `${name(attempt)} began ${before.to - attempt.from} µs before ${before.fence} was over`
      overlaps.expect(before === undefined || before.to < attempt.from, tell)
      starts.expect(attempt.starts === 1, () => `${attempt.fence} (${name(attempt)}) began ${attempt.starts} times`)
      const isKnown = (byInstance.get(ti) ?? []).some((e) => e.to_state === 'running' && e.epoch === attempt.epoch)
      starts.expect(isKnown, () => `${attempt.fence} (${name(attempt)}) ran, and the ledger does not know it`)
    }
  }
  return [overlaps, starts]
}

/** As many of a pool's tasks at work at one instant as it has slots: nobody's bookkeeping, only who was there. */
export function checkCrowds({ attempts, instances }) {
  const finding = new Finding('I8w', 'pools never exceeded (witness)')
  const poolOf = new Map(instances.map((ti) => [ti.id, ti.pool]))
  for (const [pool, slots] of Object.entries(POOLS)) {
    const steps = []
    for (const one of attempts.values()) if (poolOf.get(one.ti) === pool) steps.push([one.from, 1], [one.to, -1])
    steps.sort((a, b) => a[0] - b[0] || a[1] - b[1])
    let now = 0
    for (const [, step] of steps) {
      now += step
      if (step > 0)
        finding.expect(now <= slots, () => `${now} tasks of pool ${pool} at work at one instant, it has ${slots} slots`)
    }
  }
  return [finding]
}

/** The attempt whose success counts, by instance. */
function winners({ instances, byInstance, attempts }) {
  return instances.flatMap((ti) => {
    const success = byInstance.get(ti.id).find((event) => event.to_state === 'success')
    if (success === undefined) return []
    return [{ ti, success, attempt: attempts.get(`${ti.id}/${success.try_number}/${success.epoch}`) ?? null }]
  })
}

/** A success is one whose task reached its end, and what it handed on is what Postgres holds. */
export function checkXComs(history) {
  const finding = new Finding('I10', 'success ⇒ the task ended, and its XCom is what it returned')
  const xcoms = new Map(history.xcoms.map(({ run, task_id: taskId, value }) => [`${run} ${taskId}`, value]))
  for (const { ti, success, attempt } of winners(history)) {
    const where = `${ti.dag_id} ${ti.run_id} ${ti.task_id} try ${success.try_number}`
    finding.expect(attempt?.hasEnded === true, () => `${where} is a success, and its task never came to its end`)
    const value = xcoms.get(`${ti.run} ${ti.task_id}`)
    const tell = () =>
      `${where}: ${value === undefined ? 'no XCom' : `the XCom is not what it returned: ${JSON.stringify(value)}`}`
    finding.expect(value !== undefined && hashOf(value) === attempt?.hash, tell)
  }
  return [finding]
}

/** Longer than the promised second: the machine may be busy, µs. */
const FLUSH_US = 2_000_000

/** Log lines of the fence, in their order: 1, 2, 3 … */
function linesOf(log, fence) {
  return log.flatMap(({ event }) => {
    const found = /^line (\d+)\/\d+ of (.*)$/.exec(event ?? '')
    return found !== null && found[2] === fence ? [Number(found[1])] : []
  })
}

/** @param isExcused attempts whose supervisor was frozen: what they print then is read by nobody */
export function checkLogs(history, logs, isExcused) {
  const finding = new Finding('I11', `every line of the log is there once, in order; its last line says how it ended`)
  for (const { ti, attempt } of winners(history)) {
    if (attempt === null) continue // I10 tells it.
    const log = readLog(logs, attempt) ?? []
    const lines = linesOf(log, attempt.fence)
    const isWhole = lines.length === LINES && lines.every((line, i) => line === i + 1)
    finding.expect(isWhole, () => `${name(attempt)}: ${lines.length} of ${LINES} lines, or not in order: ${lines}`)
    finding.expect(
      /^Ended: success/.test(log.at(-1)?.event ?? ''),
      () => `${name(attempt)}: the last line is ${log.at(-1)?.event} (${ti.state})`,
    )
  }
  for (const attempt of history.attempts.values()) {
    if (attempt.hasEnded) continue
    const log = readLog(logs, attempt) ?? []
    finding.expect(
      /Ended:/.test(log.at(-1)?.event ?? ''),
      () => `${name(attempt)}: the last line of its log is ${log.at(-1)?.event ?? 'missing'}`,
    )
    if (attempt.to - attempt.printedAt < FLUSH_US || isExcused(attempt)) continue
    const lines = linesOf(log, attempt.fence)
    const isWhole = lines.length >= attempt.printed && lines.every((line, i) => line === i + 1)
    finding.expect(
      isWhole,
      () => `${name(attempt)} printed ${attempt.printed} lines 2 s before it died, its log has ${lines}`,
    )
  }
  return [finding]
}

const key = ({ ti_id: ti, epoch }) => `${ti}/${epoch}`

/** What the faults themselves demand: P3/P5 (frozen), D1 (outage), D10 (a lock's holder freezes). */
export function checkFacts({ events, attempts }, facts) {
  const began = new Set([...attempts.values()].map(({ ti, epoch }) => `${ti}/${epoch}`))
  const stopped = new Finding('P3', 'nothing of a process that was frozen beyond its lease counts afterwards')
  const outage = new Finding('D1', 'an outage: same processes, and they keep their attempts')
  const frozen = new Finding('D10', 'a lock dies with its holder')
  const at = (text) => Date.parse(text.replace(' ', 'T').replace(/\+00$/, 'Z'))
  for (const fact of facts) {
    if (fact.kind === 'frozen')
      frozen.expect(fact.ms <= fact.limitMs, () => `others waited for ${Math.round(fact.ms)} ms`)
    // A scheduler holds nothing: what it writes is guarded by what it finds, and as good as anybody's.
    if (fact.kind === 'stopped' && fact.isLost && fact.process === 'worker') {
      const who = `${fact.process}:${fact.jobId}`
      const late = events.filter((event) => event.who === who && event.at > at(fact.from) + 12_000)
      stopped.expect(
        late.length === 0,
        () => `${who} still wrote ${late.length} event(s), the first ${late[0].from_state} → ${late[0].to_state}`,
      )
      for (const held of fact.held) {
        const won = events.some(
          (e) =>
            e.ti_id === held.ti_id &&
            e.epoch === held.epoch &&
            e.to_state === 'success' &&
            e.at > at(fact.from) + 1_000,
        )
        stopped.expect(!won, () => `${held.task_id} of the frozen ${who} counts as a success of epoch ${held.epoch}`)
      }
    }
    if (fact.kind !== 'outage') continue
    for (const [who, pid] of Object.entries(fact.before))
      outage.expect(fact.after[who] === pid, () => `${who} was ${pid} before and ${fact.after[who]} after it`)
    const kept = new Set(fact.held.map(key))
    const lost = events.filter(
      (e) => e.from_state === 'running' && e.why === 'lost' && e.at >= at(fact.from) && e.at <= at(fact.to),
    )
    outage.expect(lost.length === 0, () => `${lost.length} attempts were taken for lost, of ${kept.size} that ran`)
    for (const held of fact.held) {
      const end = events.find(
        (e) => e.ti_id === held.ti_id && e.epoch === held.epoch && e.from_state === 'running' && e.at >= at(fact.from),
      )
      // Given back is only what had not begun: the reply to its start was cut off. Two tasks leave by themselves.
      const isGivenBack = end?.why === 'interrupted' && !began.has(key(held))
      const isKept = end === undefined || end.to_state === 'success' || held.task_id.startsWith('leaves')
      outage.expect(
        isKept || isGivenBack,
        () => `${held.task_id}, at work when it began, ended ${end.to_state} (${end.why})`,
      )
    }
  }
  return [stopped, outage, frozen]
}
