// `npm run chaos`: two schedulers, two workers and a web server on a Postgres of their own, thousands of tasks, and one fault
// after the other while they run. Afterwards the ledger, the tables, the logs and what the tasks themselves wrote down must
// agree; each invariant (docs/reliability.md#invariants) says how much was checked and what was violated.
//
//   --cycles N       faults, one a cycle (default 10: each kind once; under five minutes)
//   --seed N         order and times of the faults; printed by each run (default: chance)
//   --faults LIST    only these, comma-separated; `none` is the control run, which must be silent
//   --outage S       seconds that an outage of Postgres lasts (default 15)
//   --nightly        40 cycles, outages of 60 s
//   --mutant NAME    a copy of the product with a known fault: the run must fail (default: 8 cycles without other faults)
//   --recovery N     instead: kill -9 of a standalone's scheduler and worker, N times each, and how long it took
//   --tasks N        short tasks of a run (default 200)      --keep   leave the folder, as a run that failed does
//
// Exit code 0: all invariants hold; 1: some do not, or the run came to no end. The folder that is kept has the witness
// files, the attempt logs, the logs of all processes and `diary.log`, which tells what was done when.

import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { checkHolders } from './check-ledger.mjs'
import { check } from './checker.mjs'
import { Deployment } from './deployment.mjs'
import { FAULT_NAMES, inject, makePlan } from './faults.mjs'
import { readLive } from './history.mjs'
import { Load } from './load.mjs'
import { MUTANT_NAMES, makeMutant } from './mutants.mjs'
import { measureRecovery } from './recovery.mjs'
import { makeChance, makeDiary, sleep } from './tools.mjs'

const { values: flags } = parseArgs({
  options: {
    cycles: { type: 'string' },
    seed: { type: 'string' },
    faults: { type: 'string' },
    outage: { type: 'string' },
    nightly: { type: 'boolean', default: false },
    mutant: { type: 'string' },
    recovery: { type: 'string' },
    tasks: { type: 'string', default: '200' },
    keep: { type: 'boolean', default: false },
  },
})

function refuse(message) {
  console.error(message)
  process.exit(2)
}

const product = fileURLToPath(new URL('../..', import.meta.url))
if (flags.recovery !== undefined) {
  const program = join(product, 'dist', 'cli', 'main.js')
  process.exit((await measureRecovery(program, Number(flags.recovery))) ? 0 : 1)
}

const { mutant } = flags
if (mutant !== undefined && !MUTANT_NAMES.includes(mutant)) refuse(`mutants: ${MUTANT_NAMES.join(', ')}`)
const wanted = flags.faults ?? (mutant === undefined ? FAULT_NAMES.join(',') : 'none')
const names = wanted === 'none' ? [] : wanted.split(',')
for (const name of names) if (!FAULT_NAMES.includes(name)) refuse(`faults: ${FAULT_NAMES.join(', ')}, or none`)
/** Enough contention for a lock that is gone to be missed. */
const MUTANT_CYCLES = 8
const cycles = Number(
  flags.cycles ?? (flags.nightly ? 40 : mutant === undefined ? Math.max(names.length, 3) : MUTANT_CYCLES),
)
const seed = Number(flags.seed ?? Math.floor(Math.random() * 1e6))
const outageMs = 1000 * Number(flags.outage ?? (flags.nightly ? 60 : 15))
/** After the last fault, ms: then whoever holds something must be alive (I9). */
const SETTLE_MS = 60_000
/** Until everything is closed; the machine may be slow. */
const DRAIN_MS = 240_000

const folder = mkdtempSync(join(tmpdir(), 'baram-chaos-'))
chmodSync(folder, 0o755)
const diary = makeDiary(join(folder, 'diary.log'))
const chance = makeChance(seed)
const deployment = new Deployment({
  folder,
  product: mutant === undefined ? product : makeMutant(mutant, product, join(folder, 'product')),
  diary,
  tasks: Number(flags.tasks),
  minutes: Math.max(20, cycles * (names.length === 0 ? 4 : 8)),
})
const load = new Load(deployment)
const facts = []
let broken = null
let isSettled = true

async function faults() {
  const world = { deployment, chance, facts, outageMs }
  const plan = names.length === 0 ? Array.from({ length: cycles }, () => null) : makePlan(chance, names, cycles)
  for (const [i, fault] of plan.entries()) {
    await load.make()
    await sleep(chance.between(100, 600))
    const what = fault === null ? 'no fault' : `${fault.name}: ${await inject(fault, world)}`
    const ms = await load.progress()
    diary(`cycle ${i + 1} of ${plan.length}: ${what}; tasks went on ${Math.round(ms)} ms after it`)
  }
}

/** Everything ends by itself; a minute after the last fault nothing may hang on the dead. */
async function settle() {
  const began = performance.now()
  isSettled = await load.drain(SETTLE_MS)
  const holders = checkHolders(await readLive(deployment.query))
  isSettled ||= await load.drain(DRAIN_MS)
  diary(
    `${isSettled ? 'all runs were closed' : 'runs are still open'} ${Math.round((performance.now() - began) / 1000)} s after the last cycle`,
  )
  return holders
}

diary(
  `seed ${seed}, ${cycles} cycles${mutant === undefined ? '' : `, mutant ${mutant}`}: ${names.join(', ') || 'no faults'}`,
)
let failed = []
try {
  await deployment.start()
  diary('the deployment is up')
  await faults()
  const holders = await settle()
  const dueDates = await deployment.dueDates(5_000)
  const ends = await deployment.stop()
  diary(`all processes have ended (${ends.checked})`)
  const world = { deployment, load, facts, dueDates, holders, isSettled, ends, tasks: Number(flags.tasks) }
  failed = await check(world)
} catch (error) {
  broken = error
} finally {
  await deployment.stop()
  await deployment.stopPostgres()
}
if (broken !== null) console.log(`BROKEN: ${broken.stack}`)
const isGood = broken === null && failed.length === 0
if (flags.keep || (!isGood && mutant === undefined)) console.log(`kept ${folder}`)
else rmSync(folder, { recursive: true, force: true })
console.log(
  isGood
    ? `all invariants hold (seed ${seed})`
    : `FAILED${broken === null ? '' : ' (came to no end)'}: ${failed.join(', ')} (seed ${seed})`,
)
process.exit(isGood ? 0 : 1)
