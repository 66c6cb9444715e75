// The DAGs of a chaos run, and what their tasks write down themselves: one witness file a run of a DAG.
//
//   start, printed, beat …, xcom, end    each with ti, try, epoch (the fence), pid and the machine's monotonic clock
//
// An attempt beats while it lives, so that two that overlap cannot hide it, whatever the ledger says.

/** A slot is what one task takes; more tasks than slots are ready at any time, so that schedulers and workers race for them. */
export const POOLS = { few: 3, slow: 8 }
export const LINES = 20
export const CALENDAR = { dagId: 'calendar', maxActiveRuns: 4 }

/** Tasks of a DAG, for the checker. */
export const sizes = (tasks) => ({ storm: 4 * Math.ceil(tasks / 4), slow: 8, pooled: 41, calendar: 2 })

const prelude = (witness) => `import { createHash } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { Dag, getContext, getRun } from 'baram'

const now = () => Number(process.hrtime.bigint() / 1000n)
const canonical = (value) =>
  Array.isArray(value)
    ? '[' + value.map(canonical).join(',') + ']'
    : typeof value === 'object' && value !== null
      ? '{' + Object.keys(value).sort().map((key) => JSON.stringify(key) + ':' + canonical(value[key])).join(',') + '}'
      : JSON.stringify(value)

function witness(dagId) {
  const { taskId, tryNumber, runId } = getContext()
  const { fence } = getRun()
  const path = ${JSON.stringify(witness)} + '/' + dagId + '__' + runId.replace(/[^a-z0-9]/gi, '_') + '.jsonl'
  const say = (what, more = {}) =>
    appendFileSync(path, JSON.stringify({ what, dagId, runId, taskId, tryNumber, fence, pid: process.pid, at: now(), ...more }) + '\\n')
  const print = (from, to) => {
    for (let i = from; i <= to; i++) console.log('line ' + i + '/${LINES} of ' + fence)
    say('printed', { to })
  }
  return { say, print, taskId, tryNumber, fence }
}

/** Half of the lines at its start, half at its end; beats between; a value that only this attempt can have made. */
async function live(dagId, ms, everyMs) {
  const { say, print, taskId, tryNumber, fence } = witness(dagId)
  say('start')
  print(1, ${LINES / 2})
  for (const until = now() + ms * 1000; now() < until; ) {
    await new Promise((done) => setTimeout(done, everyMs))
    say('beat')
  }
  print(${LINES / 2 + 1}, ${LINES})
  const value = { zone: 'é 値 \\u2028', tryNumber, fence, taskId, list: [1, { b: null, a: [true, -2.5] }], noise: 'x'.repeat(tryNumber * 7) }
  say('xcom', { hash: createHash('sha256').update(canonical(value)).digest('hex') })
  say('end')
  return value
}
const retry = { retries: 999, retryDelay: 0.1 }
`

const storm = (width) => `
// Four layers of short tasks.
const storm = new Dag('storm', { isPausedUponCreation: false, maxActiveTasks: 64, defaultArgs: retry })
let above = []
for (let layer = 0; layer < 4; layer++) {
  const here = []
  for (let i = 0; i < ${width}; i++) here.push(storm.task('l' + layer + '_' + i, () => live('storm', 60 + (i % 7) * 20, 20))())
  for (const [i, ref] of here.entries()) if (above.length > 0) ref.after(above[i], above[(i + 1) % above.length])
  above = here
}
`

const others = (startDate) => `
// Tasks that live long enough to be met by every fault.
const slow = new Dag('slow', { isPausedUponCreation: false, defaultArgs: { ...retry, pool: 'slow' } })
for (const seconds of [5, 8, 11, 14, 18, 22, 26, 30]) slow.task('s' + seconds, () => live('slow', seconds * 1000, 50))()

// Forty tasks become ready at one moment, for three slots of a pool that all runs share. Two of them leave without a
// word in their first try: that must be a failure which is tried again, never a success (docs/reliability.md fault K2).
const pooled = new Dag('pooled', { isPausedUponCreation: false, maxActiveTasks: 64, defaultArgs: { ...retry, pool: 'few' } })
const root = pooled.task('root', () => live('pooled', 20, 10))()
for (let i = 0; i < 38; i++) pooled.task('p' + i, () => live('pooled', 30 + (i % 5) * 15, 10))().after(root)
for (const name of ['leaves', 'leaves_too'])
  pooled.task(name, async () => {
    if (getContext().tryNumber > 1) return live('pooled', 20, 10)
    const { say, print } = witness('pooled')
    say('start')
    print(1, ${LINES / 2})
    process.exit(0)
  })().after(root)

// Dates that are due already, and a new one each minute: each must get its run, and no date two.
const calendar = new Dag('${CALENDAR.dagId}', {
  schedule: '* * * * *', startDate: new Date('${startDate}'), catchup: true, maxActiveRuns: ${CALENDAR.maxActiveRuns},
  isPausedUponCreation: false, defaultArgs: retry,
})
const first = calendar.task('first', () => live('calendar', 100, 20))()
calendar.task('second', () => live('calendar', 2500, 50))().after(first)

export { calendar, pooled, slow, storm }
`

/** The text of the one DAG file. `startDate`: of the calendar, ISO. */
export const dagFile = ({ witness, tasks, startDate }) =>
  prelude(witness) + storm(Math.ceil(tasks / 4)) + others(startDate)
