// The DAG files that are measured.

export const head = "import { Dag } from 'baram'\n"

/** Each task after the one before. */
export const chainDag = (id, length) => `${head}const dag = new Dag('${id}', { isPausedUponCreation: false })
let last = dag.task('t000', () => {})()
for (let i = 1; i < ${length}; i++) last = dag.task('t' + String(i).padStart(3, '0'), () => {})().after(last)
export default dag
`

/** A root, `width` tasks, a join. */
export const fanDag = (id, width, maxActiveTasks = 100000) => `${head}const dag = new Dag('${id}', {
  isPausedUponCreation: false, maxActiveTasks: ${maxActiveTasks},
})
const root = dag.task('root', () => {})()
const join = dag.task('join', () => {})()
for (let i = 0; i < ${width}; i++) dag.task('t' + i, () => {})().after(root).before(join)
export default dag
`

/** A root and `count` tasks of which 16 run at once. */
export const manyDag = (
  id,
  count,
) => `${head}const dag = new Dag('${id}', { isPausedUponCreation: false, maxActiveTasks: 16 })
const root = dag.task('root', () => {})()
for (let i = 0; i < ${count}; i++) dag.task('t' + i, () => {})().after(root)
export default dag
`

/** A mapped task of `width` instances, of which one task reads all that they returned. */
const mappedDag = (width) => `import { Dag, expand } from 'baram'
export const dag = new Dag('mapped', { isPausedUponCreation: false, maxActiveTasks: 64 })
const list = dag.task('list', () => Array.from({ length: ${width} }, (_, i) => i))
const each = dag.task('each', ({ n }: { n: number }) => n * 2)
const sum = dag.task('sum', ({ all }: { all: number[] }) => all.reduce((a, b) => a + b, 0))
sum({ all: expand(each, { n: list() }) })
`

/** `width` waits, all held until the file `gate` is there. */
const waitingDag = (width, gate) => `import { existsSync } from 'node:fs'
import { Dag, defineOperator, defineTrigger, expand } from 'baram'
let open: Promise<void> | null = null
const opened = () => (open ??= new Promise((done) => {
  const timer = setInterval(() => { if (existsSync(${JSON.stringify(gate)})) { clearInterval(timer); done() } }, 50)
}))
const atGate = defineTrigger<{ n: number }>({ name: 'gate', run: async (_, { n }) => { await opened(); return n } })
const wait = () => defineOperator<{ n: number }, number>({ name: 'Gate', triggers: [atGate],
  execute: (op, { n }) => op.defer(atGate({ n })), resume: (_, n) => Number(n) })
export const dag = new Dag('waiting', { isPausedUponCreation: false, maxActiveTasks: 64 })
const list = dag.task('list', () => Array.from({ length: ${width} }, (_, i) => i))
expand(dag.task('each', wait()), { n: list() })
`

/** One task that tells when its first line ran, in its log and by what it returns, ms. */
export const oneDag = `${head}export const dag = new Dag('one', { isPausedUponCreation: false })
dag.task('only', () => { const now = Date.now(); console.log('here', now); return now })()
`

/** Its process writes a CPU profile of attempts 200 to 2,200 into `folder`. */
export const profiledDag = (folder) => `import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector'
import { Dag } from 'baram'
let count = 0
const session = new Session()
function step() {
  count += 1
  if (count === 200) { session.connect(); session.post('Profiler.enable'); session.post('Profiler.start') }
  if (count === 2200) session.post('Profiler.stop', (_, { profile }) => writeFileSync(\`${folder}/child-\${process.pid}.cpuprofile\`, JSON.stringify(profile)))
}
const dag = new Dag('profiled', { isPausedUponCreation: false, maxActiveTasks: 1 })
const root = dag.task('root', () => {})()
for (let i = 0; i < 2300; i++) dag.task('t' + i, step)().after(root)
export default dag
`

/** By file name. */
export const benchFiles = ({ sustained, wide, gate }) => ({
  'chain.ts': chainDag('chain', 100),
  'fan.ts': fanDag('fan', 1000),
  'many.ts': manyDag('many', sustained),
  'mapped.ts': mappedDag(wide),
  'waiting.ts': waitingDag(wide, gate),
  'one.ts': oneDag,
})
