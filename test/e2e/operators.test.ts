// Operators through real processes: templates reach them as data, waits leave the worker, and commands end with their attempt.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { connectionOf } from '../services/postgres-connection.ts'
import { eventually, runToEnd, startBaram, type TestBaram } from '../support/baram.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'

const HOSTILE = `'; drop table t; -- $(touch owned) \`id\` "한글" \\ \n{{ds}}`

/** Hands on what it was given, by each of its ways. */
const SCRIPT = `import { writeFileSync } from 'node:fs'
import { json } from 'node:stream/consumers'
const { runId, taskId } = JSON.parse(process.env.BARAM_CONTEXT)
const { text } = await json(process.stdin)
writeFileSync(process.env.BARAM_RESULT, JSON.stringify({ text, args: process.argv.slice(1), runId, taskId }))`

const dagsOf = (home: string) => `import { Dag, expand } from 'baram'
import { bash, dateTimeSensor, fileSensor, node, postgres, timeDeltaSensor } from 'baram/operators'

export const data = new Dag('data', { isPausedUponCreation: false })
const text = data.task('text', () => ${JSON.stringify(HOSTILE)})()
const shell = data.task('shell', bash<{ text: string }>({ bashCommand: 'printf %s "$TEXT" | base64 -w0',
  env: { TEXT: '{{args.text}}' }, appendEnv: true }))({ text })
const sql = data.task('sql', postgres<{ text: string }>({ sql: 'select :text as text, :run as run',
  parameters: { text: '{{args.text}}', run: '{{run_id}}' }, handler: 'one' }))({ text })
data.task('skipped', bash({ bashCommand: 'exit 99' }))().after(shell, sql)

export const scripts = new Dag('scripts', { isPausedUponCreation: false })
const given = scripts.task('text', () => ${JSON.stringify(HOSTILE)})()
const code = ${JSON.stringify(SCRIPT)}
scripts.task('script', node<{ text: string }>({ code, args: ['{{args.text}}', '{{run_id}}'] }))({ text: given })

export const dates = new Dag('dates', { isPausedUponCreation: false })
dates.task('passed', dateTimeSensor({ targetTime: '{{dag_run.run_after}}' }))()
dates.task('near', timeDeltaSensor({ delta: 0.5 }))()
dates.task('far', timeDeltaSensor({ delta: 86_400 }))()

export const waits = new Dag('waits', { isPausedUponCreation: false })
waits.task('file', fileSensor({ filepath: ${JSON.stringify(join(home, 'late-*.csv'))}, pokeInterval: 0.05, deferrable: true }))()

export const stops = new Dag('stops', { isPausedUponCreation: false })
stops.task('sleep', bash({ bashCommand: ${JSON.stringify(`trap '' TERM; echo $$ > ${join(home, 'pid')}; sleep 1000; sleep 1000`)} }),
  { executionTimeout: 0.5 })()

export const many = new Dag('many', { isPausedUponCreation: false })
expand(many.task('each', bash<{ n: number }>({ bashCommand: 'echo $N', env: { N: '{{args.n}}' } })), { n: Array.from({ length: 20 }, (_, i) => i) })
`

let baram: TestBaram
let postgres: TestPostgres

beforeAll(async () => {
  baram = await startBaram()
  postgres = await startTestPostgres()
  const url = await postgres.createDatabase()
  const { id: _id, type, ...fields } = connectionOf(url)
  const connection = { conn_type: type, ...fields }
  const added = await baram.dagctl('connections', 'add', 'postgres_default', '--conn-json', JSON.stringify(connection))
  expect(added.code, added.stderr).toBe(0)
  baram.writeDag('operators.ts', dagsOf(baram.home))
  await baram.start('scheduler')
  await baram.start('worker', '--concurrency', '4')
  await eventually('the DAGs', async () => (await baram.query('select 1 from dag')).length === 6)
})
afterAll(async () => {
  await baram.stop()
  await postgres.stop()
})

const states = async (dagId: string) => {
  const rows = await baram.query<{ task_id: string; state: string }>(
    'select task_id, state from task_instance where dag_id = $1',
    [dagId],
  )
  return Object.fromEntries(rows.map((row) => [row.task_id, row.state]))
}
const xcom = async (dagId: string, taskId: string) =>
  (
    await baram.query<{ value: unknown }>(
      `select value from xcom where dag_id = $1 and task_id = $2 and key = 'return_value' order by map_index`,
      [dagId, taskId],
    )
  ).map((row) => row.value)

it('what a task was given reaches a command and a statement as data, whatever it holds', async () => {
  await runToEnd(baram, 'data')
  expect(await states('data')).toEqual({ text: 'success', shell: 'success', sql: 'success', skipped: 'skipped' })
  const [encoded] = await xcom('data', 'shell')
  expect(Buffer.from(String(encoded), 'base64').toString()).toBe(HOSTILE)
  const [row] = await xcom('data', 'sql')
  expect(row).toMatchObject({ text: HOSTILE })
})

it('a script gets inputs, templates and its attempt as data, and returns what it wrote', async () => {
  const { runId } = await runToEnd(baram, 'scripts')
  expect(await xcom('scripts', 'script')).toEqual([{ text: HOSTILE, args: [HOSTILE, runId], runId, taskId: 'script' }])
})

it('sensors of a date end with it, and hold no slot until then', async () => {
  await baram.dagctl('dags', 'trigger', 'dates')
  const expected = JSON.stringify({ far: 'deferred', near: 'success', passed: 'success' })
  await eventually('the sensors to wait or end', async () => {
    const { far, near, passed } = await states('dates')
    return JSON.stringify({ far, near, passed }) === expected
  })
})

it('a file sensor that is deferred goes on when its file comes', async () => {
  await baram.dagctl('dags', 'trigger', 'waits')
  await eventually('the sensor to wait', async () => (await states('waits'))['file'] === 'deferred')
  const path = join(baram.home, 'late-1.csv')
  writeFileSync(path, '')
  await eventually('the sensor to end', async () => (await states('waits'))['file'] === 'success')
  expect(await xcom('waits', 'file')).toEqual([path])
})

it('a command that ignores its time limit is gone with its attempt', async () => {
  await runToEnd(baram, 'stops')
  expect(await states('stops')).toEqual({ sleep: 'failed' })
  const pid = Number(readFileSync(join(baram.home, 'pid'), 'utf8'))
  await eventually('the command to be gone', () => !existsSync(`/proc/${pid}`))
})

it('many commands at once give each its own answer', async () => {
  await runToEnd(baram, 'many')
  expect(await xcom('many', 'each')).toEqual(Array.from({ length: 20 }, (_, i) => String(i)))
})
