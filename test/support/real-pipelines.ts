// The example DAGs, unchanged, on a running Baram whose connections name real servers.

import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { eventually, startBaram, type TestBaram } from './baram.ts'

export interface RealConnection {
  readonly id: string
  readonly type: string
  readonly host?: string
  readonly port?: number
  readonly login?: string
  readonly password?: string
  readonly schema?: string
  readonly extra?: object
}

interface Asked {
  readonly conf?: object
  /** The run's slot. */
  readonly interval?: readonly [start: string, end: string]
}

export interface Pipelines {
  readonly baram: TestBaram
  /** Started last; killed by tests. */
  worker: ChildProcess
  /** Resolves when the run has ended. */
  run(dagId: string, given?: Asked): Promise<Run>
  begin(dagId: string, given?: Asked): Promise<Run>
  end(run: Run): Promise<string>
  effects(run: Run): Promise<readonly Counted[]>
  stop(): Promise<void>
}

export interface Run {
  readonly dagId: string
  readonly runId: string
  readonly state: string
}

export interface Counted extends Record<string, unknown> {
  readonly task_id: string
  readonly kind: string
  readonly target: string
  readonly rows_read: number
  readonly rows_written: number
  readonly rows_rejected: number
}

function argumentsOf(connection: RealConnection): string[] {
  const { id, type, host, port, login, password, schema, extra } = connection
  return [
    ...['connections', 'add', id, '--conn-type', type],
    ...(host === undefined ? [] : ['--conn-host', host]),
    ...(port === undefined ? [] : ['--conn-port', String(port)]),
    ...(login === undefined ? [] : ['--conn-login', login]),
    ...(password === undefined ? [] : ['--conn-password', password]),
    ...(schema === undefined ? [] : ['--conn-schema', schema]),
    ...(extra === undefined ? [] : ['--conn-extra', JSON.stringify(extra)]),
  ]
}

async function must(baram: TestBaram, ...args: string[]): Promise<void> {
  const { code, stderr } = await baram.dagctl(...args)
  if (code !== 0) throw new Error(`dagctl ${args.slice(0, 3).join(' ')} ended with ${code}: ${stderr}`)
}

type Api = (path: string, body: object) => Promise<Readonly<Record<string, unknown>>>

const PASSWORD = 'a password for these tests'

/** Airflow's REST API: the way to a run with an interval of one's own. */
async function openApi(baram: TestBaram): Promise<Api> {
  await must(baram, 'users', 'create', '-u', 'miso', '-r', 'admin', '-p', PASSWORD)
  await baram.start('webserver')
  const [job] = await baram.query<{ port: number }>(
    "select (info ->> 'port')::int as port from job where job_type = 'WebserverJob'",
  )
  let token = ''
  const call: Api = async (path, body) => {
    const response = await fetch(`http://127.0.0.1:${job?.port}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token !== '' && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify(body),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`POST ${path} answered ${response.status}: ${text}`)
    return JSON.parse(text) as Record<string, unknown>
  }
  token = String((await call('/auth/token', { username: 'miso', password: PASSWORD }))['access_token'])
  return call
}

async function begin(api: Api, dagId: string, given: Asked): Promise<Run> {
  const [start, end] = given.interval ?? []
  const run = await api(`/api/v2/dags/${dagId}/dagRuns`, {
    logical_date: null,
    conf: given.conf ?? {},
    ...(start !== undefined && { data_interval_start: start, data_interval_end: end }),
  })
  return { dagId, runId: String(run['dag_run_id']), state: 'queued' }
}

async function endOf(baram: TestBaram, { dagId, runId }: Run): Promise<string> {
  return eventually(
    `the end of ${dagId} ${runId}`,
    async () => {
      const [row] = await baram.query<{ state: string }>(
        'select state from dag_run where dag_id = $1 and run_id = $2',
        [dagId, runId],
      )
      return row !== undefined && ['success', 'failed'].includes(row.state) ? row.state : null
    },
    300_000,
  )
}

/** Why tries failed, in order: what a reader of a failed test needs first. */
async function reasonsOf(baram: TestBaram, { dagId, runId }: Run): Promise<readonly unknown[]> {
  const rows = await baram.query<{ because: unknown }>(
    `select e.because from ti_event e join task_instance t on t.dag_run_id = e.dag_run_id and t.id = e.ti_id
     where t.dag_id = $1 and t.run_id = $2 and e.because ->> 'code' = 'failed' order by e.rev`,
    [dagId, runId],
  )
  return rows.map((row) => row.because)
}

/** Waits until each file is a DAG. @throws Error with what is wrong with those that are none */
async function waitForDags(baram: TestBaram, count: number): Promise<void> {
  await eventually('the DAGs', async () => {
    const faults = await baram.query<{ filename: string; stacktrace: string }>(
      'select filename, stacktrace from import_error',
    )
    const [fault] = faults
    if (fault !== undefined) throw new Error(`${fault.filename}: ${fault.stacktrace}`)
    return (await baram.query('select 1 from dag')).length === count
  })
}

/** DAG files by name, of `dags/`; schedules and their deadlines are taken off, so that only what a test asks for runs. */
export async function startPipelines(
  files: readonly string[],
  connections: readonly RealConnection[],
  variables: Readonly<Record<string, string>> = {},
): Promise<Pipelines> {
  const baram = await startBaram({ BARAM__API__PORT: '0' })
  for (const connection of connections) await must(baram, ...argumentsOf(connection))
  for (const [key, value] of Object.entries(variables)) await must(baram, 'variables', 'set', key, value)
  for (const file of files) {
    const source = readFileSync(new URL(`../../dags/${file}`, import.meta.url), 'utf8')
    baram.writeDag(
      file,
      source
        .replace(/^ {2}schedule: (cron\(.*\)),$/m, "  timezone: 'Asia/Seoul',")
        .replace("  schedule: '@once',\n", '')
        .replace(/^ {2}deadline: deadlineAlert\(\{ reference: 'slot'.*\n/m, '')
        .replace(/retryDelay: \d+/, 'retryDelay: 0.5'),
    )
  }
  await baram.start('scheduler')
  const api = await openApi(baram)
  const pipelines: Pipelines = {
    baram,
    worker: await baram.start('worker'),
    begin: (dagId, given = {}) => begin(api, dagId, given),
    end: (run) => endOf(baram, run),
    async run(dagId, given = {}) {
      const run = await begin(api, dagId, given)
      const state = await endOf(baram, run)
      if (state === 'failed') console.log(`${dagId} failed:`, await reasonsOf(baram, run))
      return { ...run, state }
    },
    effects: ({ dagId, runId }) =>
      baram.query<Counted>(
        `select task_id, kind, target, rows_read::int, rows_written::int, rows_rejected::int from effect
         where dag_id = $1 and run_id = $2 order by recorded_at, target`,
        [dagId, runId],
      ),
    stop: () => baram.stop(),
  }
  await waitForDags(baram, files.length)
  return pipelines
}
