// DAG files as they are written for Airflow's TypeScript SDK: what ts-sdk.test.ts runs.

const HEAD = "import { Bundle, Dag, TaskHandler } from '@apache-airflow/ts-sdk'\n"

export const FILES: Readonly<Record<string, string>> = {
  'served.ts': `${HEAD}
export const served = new Dag('served')
served.task('a', () => process.argv.length)()
export const forgotten = new Dag('forgotten')
forgotten.task('a', () => 1)()
await new Bundle(served).serve()
`,
  'exported.ts': `import { Dag } from 'apache-airflow-ts-sdk'
export const dag = new Dag('exported')
dag.task('a', () => 1)()
`,
  'twice.ts': `${HEAD}
let said = ''
const first = new Dag('first', { isPausedUponCreation: false })
first.task('said', () => said)()
await new Bundle(first).serve()
await new Bundle(new Dag('second')).serve().catch((error: Error) => { said = error.message })
`,
  'mixed.ts': `${HEAD}
const [good, bad, fine] = [new Dag('good'), new Dag('bad'), new Dag('fine')]
good.task('a', () => 1)()
bad.task('forgot_to_call', () => 1)
fine.task('a', () => 1)()
await new Bundle(good, bad, fine).serve()
`,
  'syntax.ts': `${HEAD}
import rows from './parts/rows.json'
import { double } from './parts/double'
import { half } from './parts/half.js'
enum Colour { Red = 'red' }
class Box { constructor(private readonly value: number) {} open() { return this.value } }
const dag = new Dag('syntax', { isPausedUponCreation: false })
async function extract() { return { colour: Colour.Red, box: new Box(rows.length).open(), double: double(4), half: half(4) } }
dag.task(extract)()
await new Bundle(dag).serve()
`,
  'handlers.ts': `${HEAD}
await new Bundle(new TaskHandler('in_python', 'transform', () => 1)).serve()
`,
  'mapped.ts': `import { Dag, expand, getClient } from 'baram'
export const dag = new Dag('mapped', { isPausedUponCreation: false })
expand(dag.task('each', async ({ n }: { n: number }) => {
  const client = getClient()
  await client.setXCom({ key: 'own', value: n })
  return [await client.getXCom({ key: 'own' }), await client.getXCom({ key: 'own', mapIndex: null })]
}), { n: [10, 20] })
`,
}
export const PARTS: Readonly<Record<string, string>> = {
  'rows.json': '[1, 2, 3]',
  'double.ts': 'export const double = (n: number) => n * 2\n',
  'half.ts': 'export const half = (n: number) => n / 2\n',
}

export const RUNS = `import {
  Bundle, ConnectionNotFoundError, Dag, getClient, getContext, triggerDagRun, VariableNotFoundError,
} from '@apache-airflow/ts-sdk'

const dags: Dag[] = []
const make = (id: string, build: (dag: Dag) => void, more: object = {}) => {
  const dag = new Dag(id, { isPausedUponCreation: false, ...more })
  build(dag)
  dags.push(dag)
}
let atModuleLevel = ''
try { getContext() } catch (error) { atModuleLevel = (error as Error).message }

make('delays', (dag) => dag.task('fails', () => { throw new Error('no') }, { retries: 1, retryDelay: 30 })())
make('limit', (dag) => dag.task('slow', async () => {
  const { signal } = getContext()
  await new Promise((resolve) => signal.addEventListener('abort', resolve))
  console.log('aborted', signal.aborted, (signal.reason as Error).message)
  await new Promise((resolve) => setTimeout(resolve, 60_000))
}, { executionTimeout: 0.3 })())
make('kept', (dag) => dag.task('slow', async () => {
  const { signal } = getContext()
  await getClient().setXCom({ key: 'began', value: true })
  await new Promise((resolve) => signal.addEventListener('abort', resolve))
  return signal.aborted
})())
make('daily', (dag) => dag.task('a', () => 1)(), { schedule: '0 0 * * *', startDate: new Date('2026-01-01T00:00:00Z') })
make('queues', (dag) => dag.task('a', () => 1)(), { queue: 'typescript' })
make('nothing', (dag) => {
  dag.task('null', () => null)()
  const none = dag.task('undefined', (): number | undefined => undefined)()
  dag.task('needs', ({ rows }: { rows: number }) => { console.log('handler ran'); return rows })({ rows: none })
})
make('context', (dag) => dag.taskGroup('g').task('six', () => {
  const { signal, ...rest } = getContext()
  return { keys: Object.keys(getContext()), ...rest, aborted: signal.aborted, atModuleLevel }
})())
make('xcoms', (dag) => {
  const up = dag.task('up', async () => { await getClient().setXCom({ key: 'k', value: 'up' }) })()
  dag.task('down', async () => {
    const client = getClient()
    await client.setXCom({ key: 'k', value: 'down' })
    return [await client.getXCom({ key: 'k' }), await client.getXCom({ key: 'k', taskId: 'up' }), await client.getXCom({ key: 'none' })]
  })().after(up)
})
make('lookups', (dag) => dag.task('a', async () => {
  const client = getClient()
  const caught = async (promise: Promise<unknown>) => promise.then(() => null, (error: unknown) => error)
  const variable = await caught(client.getVariableOrThrow('no_such'))
  const connection = await caught(client.getConnectionOrThrow('no_such'))
  return {
    missing: [await client.getVariable('no_such'), await client.getConnection('no_such')],
    variable: variable instanceof VariableNotFoundError && [variable.name, variable.key],
    connection: connection instanceof ConnectionNotFoundError && [connection.name, connection.connId],
    extra: typeof (await client.getConnectionOrThrow('shop')).extra,
  }
})())
make('writes', (dag) => dag.task('a', async () => {
  const client = getClient()
  await client.setVariable('written', 'one', 'a description')
  await client.setVariable('written', 'two')
  await client.deleteVariable('never_there')
})())
make('throws', (dag) => dag.task('a', () => { throw new Error('x'.repeat(600)) }, { retries: 1, retryDelay: 0 })())
make('prints', (dag) => {
  for (const id of ['one', 'two']) dag.task(id, async () => {
    for (let i = 0; i < 3; i++) { console.log(id, 'says', i); console.error(id, 'shouts', i); await new Promise((r) => setImmediate(r)) }
  })()
})
const sides = (id: string, answer: unknown, isOneSided = false) => make(id, (dag) => {
  const [yes, no] = [dag.task('yes', () => 1)(), dag.task('no', () => 1)()]
  const decision = dag.if(function choose() { return answer as boolean })
  const other = decision.then(yes)
  if (!isOneSided) other.else(no)
  dag.task('always', () => 1, { triggerRule: 'all_done' })().after(yes, no)
  dag.task('strict', () => 1)().after(yes, no)
})
sides('if_true', true)
sides('if_false', false)
sides('if_one_sided', true, true)
sides('if_text', 'true')
const cases = (id: string, answer: (a: unknown, b: unknown) => unknown) => make(id, (dag) => {
  const [a, b] = [dag.task('a', () => 1)(), dag.task('b', () => 1)()]
  dag.switch(() => answer(a, b) as typeof a, undefined, { taskId: 'choose' }).case(a).case(b)
})
cases('switch_b', (_a, b) => b)
cases('switch_wrong', () => 'b')

make('target', (dag) => dag.task('a', () => 1)())
make('doomed', (dag) => dag.task('a', () => { throw new Error('doomed') })())
make('paused', (dag) => dag.task('a', () => 1)(), { isPausedUponCreation: true })
const go = (id: string, spec: Parameters<typeof triggerDagRun>[0], options: object = {}) =>
  make(id, (dag) => dag.task('go', triggerDagRun(spec), options)())
const logicalDate = new Date('2026-01-02T03:04:05Z')
go('go_plain', { dagId: 'target', conf: { from: 'go' } })
go('go_named', { dagId: 'target', runId: 'my_run', logicalDate: null })
go('go_exists', { dagId: 'target', runId: 'my_run', logicalDate: null }, { retries: 3, retryDelay: 0 })
go('go_skips', { dagId: 'target', runId: 'my_run', logicalDate: null, skipWhenAlreadyExists: true })
go('go_dated', { dagId: 'target', logicalDate })
go('go_after', { dagId: 'target', runAfter: logicalDate })
go('go_waits', { dagId: 'target', waitForCompletion: true, pokeInterval: 0.05 })
go('go_fails', { dagId: 'doomed', waitForCompletion: true, pokeInterval: 0.05 })
go('go_allows', { dagId: 'doomed', waitForCompletion: true, pokeInterval: 0.05, failedStates: [], allowedStates: ['failed'] })
go('go_defers', { dagId: 'target', waitForCompletion: true, pokeInterval: 0.05, deferrable: true })
go('go_unpaused_only', { dagId: 'paused', failWhenDagIsPaused: true })

make('whole', (dag) => {
  const load = dag.taskGroup('load')
  const [a, b] = [load.task('a', () => 1)(), load.task('b', () => 2)()]
  const sum = dag.task('sum', ({ x, y }: { x: number; y: number }) => x + y)({ x: a, y: b })
  const [big, small] = [dag.task('big', () => 1)(), dag.task('small', () => 1)()]
  const isBig = dag.if(({ total }: { total: number }) => total > 2, { total: sum }, { taskId: 'is_big' })
  isBig.then(big).else(small)
  const [left, right] = [dag.task('left', () => 1)(), dag.task('right', () => 1)()]
  dag.switch(function side() { return left }).case(left).case(right).after(sum)
  const join = dag.task('join', () => 'joined', { triggerRule: 'all_done' })().after(big, small, left, right)
  dag.task('go', triggerDagRun({ dagId: 'target', waitForCompletion: true, pokeInterval: 0.05, deferrable: true }))().after(join)
})
await new Bundle(...dags).serve()
`
