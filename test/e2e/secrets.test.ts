// Planted secrets, in every form in which a task may say them: none is found in logs, database, pages or answers.

import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, runToEnd, startBaram, type TestBaram } from '../support/baram.ts'

const PEM = `-----BEGIN KEY-----\n${['Mx81kd02LLpq', 'Zt55wQ0aPyB2', 'Hn7733kkTTs9'].join('\n')}\n-----END KEY-----\n`
/** By the name of their Variable. */
const VARIABLES = {
  tls_private_key: PEM,
  api_token_long: 'tok/en+8f3a9c77de=with space',
  db_password: `p@ss "w'ord\\ %41`,
  korean_secret: '비밀번호-열쇠-값',
  numbered_token: '82319471',
  json_secret: JSON.stringify({ inner: 'inner-of-json-8841', list: ['list-of-json-7713'] }),
  service: JSON.stringify({ user: 'kim', password: 'field-pw-5512', nested: { api_key: 'field-key-3391' } }),
}
const EXTRA = {
  region: 'kr',
  api_key: 77441122,
  deep: { token: 'extra-token-9902' },
  list: [{ secret: 'extra-list-1177' }],
}
const PASSWORD = 'conn:pw/with@marks'

const TEXTS = [
  ...['Mx81kd02LLpq', 'Zt55wQ0aPyB2', 'Hn7733kkTTs9', VARIABLES.api_token_long, VARIABLES.db_password],
  ...[VARIABLES.korean_secret, VARIABLES.numbered_token, 'inner-of-json-8841', 'list-of-json-7713'],
  ...['field-pw-5512', 'field-key-3391', '77441122', 'extra-token-9902', 'extra-list-1177', PASSWORD],
]
/** What is looked for: each text, and what JSON, URLs and base64 make of it. */
const PLANTED = [
  ...new Set(
    TEXTS.flatMap((text) => [
      text,
      JSON.stringify(text).slice(1, -1),
      encodeURIComponent(text),
      Buffer.from(text).toString('base64'),
      Buffer.from(`kim:${text}`).toString('base64').slice(6, -4),
      JSON.stringify(JSON.stringify(text)).slice(3, -3),
      encodeURIComponent(text).replaceAll(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase()),
      Buffer.from(`k:${text}`).toString('base64').slice(3, -4),
      [...text].map((c) => (c > '~' ? `\\u${c.charCodeAt(0).toString(16)}` : c)).join(''),
    ]),
  ),
]

const DAG = `import { Dag, defineOperator, defineTrigger, FailTask, getClient, getLogger, publishReport, recordEffect, SkipTask } from 'baram'
import { bash } from 'baram/operators'

const read = async () => {
  const client = getClient()
  const values = await Promise.all(${JSON.stringify(Object.keys(VARIABLES))}.map((key) => client.getVariable(key)))
  const { password, extra } = (await client.getConnectionOrThrow('shop')) as { password: string; extra: string }
  const inner = JSON.parse(extra)
  const deep = [inner.api_key, inner.deep.token, inner.list[0].secret].map(String)
  const service = JSON.parse(values[6] ?? '')
  return [...values.slice(0, 6), service.password, service.nested.api_key, password, ...deep] as string[]
}
const forms = (text: string) => [text, JSON.stringify({ text }), JSON.stringify(JSON.stringify({ text })), encodeURIComponent(text),
  Buffer.from(text).toString('base64'), Buffer.from('kim:' + text).toString('base64'), ...text.split('\\n')]

const say = defineTrigger<{ url: string; password: string; list: string[] }>({
  name: 'say',
  async run(trigger, args) {
    console.log('the trigger says', JSON.stringify(args))
    await trigger.sleep(0.01)
    throw new Error('cannot open ' + args.url)
  },
})
const wait = defineOperator<Record<never, never>, void>({
  name: 'Wait',
  triggers: [say],
  async execute(op) {
    const all = await read()
    return op.defer(say({ url: 'https://kim:' + all[1] + '@host/' + all[8], password: 'x' + all[3], list: all }))
  },
  resume: () => undefined,
})
export const dag = new Dag('planted', { isPausedUponCreation: false })
dag.task('prints', async () => {
  for (const text of (await read()).flatMap(forms)) { console.log(text); console.error('err ' + text);
    getLogger().info({ [text]: text, deep: [{ text }] }, text) }
})()
dag.task('throws', async () => { const all = await read(); throw new Error(all.join(' '), { cause: new Error(all.flatMap(forms).join('\\n')) }) })()
dag.task('gives_up', async () => { throw new FailTask((await read()).flatMap(forms).join(' ')) })()
dag.task('skips', async () => { throw new SkipTask((await read()).join(' ')) })()
dag.task('tells', async () => {
  const all = await read()
  await recordEffect({ kind: 'lake', target: '/x/' + all[1], rowsRead: 1, rowsWritten: 1 })
  await publishReport('r', { columns: [{ name: 'n', type: 'text' }], rows: all.map((text) => [text]) })
})()
dag.task('shell', bash({ bashCommand: 'echo "$K"; echo {{conn.shop.password}} ; env | grep ^K=; exit 7',
  env: { K: '{{var.value.tls_private_key}}', L: '{{var.json.service.password}}' }, appendEnv: true }))()
dag.task('deferred', wait)()
`

describe('planted secrets', () => {
  let baram: TestBaram
  let call: (path: string) => Promise<string>

  beforeAll(async () => {
    baram = await startBaram()
    for (const [key, value] of Object.entries(VARIABLES))
      expect((await baram.dagctl('variables', 'set', '--', key, value)).code).toBe(0)
    const connection = ['--conn-type', 'http', '--conn-host', 'shop.example', '--conn-password', PASSWORD]
    await baram.dagctl('connections', 'add', 'shop', ...connection, '--conn-extra', JSON.stringify(EXTRA))
    await baram.dagctl('users', 'create', '-u', 'miso', '-r', 'admin', '-p', 'a password for these tests')
    baram.writeDag('planted.ts', DAG)
    await baram.start('scheduler')
    await baram.start('worker')
    await baram.start('webserver')
    const [job] = await baram.query<{ port: number }>(
      "select (info ->> 'port')::int as port from job where job_type = 'WebserverJob'",
    )
    const url = `http://127.0.0.1:${job?.port}`
    const answer = await fetch(`${url}/auth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'miso', password: 'a password for these tests' }),
    })
    const { access_token: token } = (await answer.json()) as { access_token: string }
    call = async (path) => {
      const found = await fetch(url + path, { headers: { authorization: `Bearer ${token}` } })
      const text = await found.text()
      if (!found.ok) throw new Error(`${path} answered ${found.status}: ${text.slice(0, 200)}`)
      return text
    }
    await eventually('the DAG', async () => (await baram.query('select 1 from dag')).length === 1)
  })
  afterAll(() => baram.stop())

  /** Those that stand in a text, by their number: a failure must not print them either. */
  const foundIn = (text: string) => PLANTED.filter((secret) => text.includes(secret))

  it('are at least 60, and none is found anywhere after every way of telling them', { timeout: 120_000 }, async () => {
    expect(PLANTED.length).toBeGreaterThanOrEqual(60)
    const { runId } = await runToEnd(baram, 'planted')
    const states = await baram.query<{ task_id: string; state: string }>(
      'select task_id, state from task_instance order by 1',
    )
    expect(Object.fromEntries(states.map((row) => [row.task_id, row.state]))).toEqual({
      ...{ deferred: 'failed', gives_up: 'failed', prints: 'success', shell: 'failed' },
      ...{ skips: 'skipped', tells: 'success', throws: 'failed' },
    })
    const logs = join(baram.home, 'logs')
    await eventually(
      'the ends of the logs',
      () => execFileSync('grep', ['-rlF', '"Ended:', logs], { encoding: 'utf8' }).trim().split('\n').length >= 7,
    )
    for (const name of readdirSync(logs, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.log')))
      expect([name, foundIn(readFileSync(join(logs, name), 'utf8'))]).toEqual([name, []])
    expect(execFileSync('grep', ['-rcF', '***', logs], { encoding: 'utf8' })).toMatch(/task_id=prints\S*:\d{2,}\n/)
    for (const name of ['scheduler', 'worker', 'webserver'])
      expect([name, foundIn(readFileSync(join(baram.home, '..', `${name}.log`), 'utf8'))]).toEqual([name, []])

    const tables = await baram.query<{ name: string }>(
      "select table_name as name from information_schema.tables where table_schema = 'baram' and table_name <> 'dag_module'",
    )
    for (const { name } of tables) {
      const rows = await baram.query<{ text: string }>(`select row_to_json(t)::text as text from ${name} t`)
      expect([name, foundIn(rows.map((row) => row.text).join('\n'))]).toEqual([name, []])
    }

    const run = `/dags/planted/runs/${encodeURIComponent(runId)}`
    const api = `/api/v2/dags/planted/dagRuns/${encodeURIComponent(runId)}`
    const tasks = states.map((row) => row.task_id)
    const paths = [
      ...[
        '/',
        '/dags',
        '/dags/planted',
        '/variables',
        '/variables/edit?key=service',
        '/connections',
        '/connections/edit?id=shop',
      ],
      ...[
        '/api/v2/variables',
        '/api/v2/variables/service',
        '/api/v2/connections',
        '/api/v2/eventLogs',
        `${api}/taskInstances`,
      ],
      ...tasks.flatMap((task) =>
        ['', '/rendered', '/xcom', '/tries', '/events'].map((tab) => `${run}/tasks/${task}${tab}`),
      ),
      ...tasks.flatMap((task) => [
        `${api}/taskInstances/${task}`,
        `${api}/taskInstances/${task}/logs/1?full_content=true`,
      ]),
    ]
    for (const path of paths) expect([path, foundIn(await call(path))]).toEqual([path, []])
    for (const task of tasks) {
      const { stdout, stderr } = await baram.dagctl('why', 'planted', runId, task)
      expect([task, foundIn(stdout + stderr)]).toEqual([task, []])
    }
  })

  it('stay what they are for the tasks: a trigger got its arguments, and a masked JSON Variable comes back whole', async () => {
    const [row] = await baram.query<{ kwargs: string; sealed: string }>(
      'select kwargs::text as kwargs, sealed_kwargs as sealed from trigger',
    )
    expect(row?.kwargs).toContain('https://kim:***@host/***')
    expect(row?.sealed).toMatch(/^b1\./)
    const shown = JSON.parse(await call('/api/v2/variables/service')) as { value: string }
    expect(JSON.parse(shown.value)).toEqual({ user: 'kim', password: '***', nested: { api_key: '***' } })
    await baram.dagctl('variables', 'set', 'service', shown.value)
    expect((await baram.dagctl('variables', 'get', 'service')).stdout.trim()).toBe(VARIABLES.service)
  })
})
