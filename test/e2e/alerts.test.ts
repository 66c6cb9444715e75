// Alerts as their author asks for them, through real processes and their deaths: what arrives at a webhook, and how often.

import type { ChildProcess } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, runToEnd, startBaram, type TestBaram } from '../support/baram.ts'
import { startWebhookServer, type WebhookServer } from '../support/webhook-server.ts'

const DAGS = `import { Dag, getClient } from 'baram'
import { webhook } from 'baram/operators'

const hook = webhook({ connId: 'hook' })
const all: Dag[] = []
const make = (id: string, build: (dag: Dag) => void, more: object = {}) => {
  const dag = new Dag(id, { isPausedUponCreation: false, ...more })
  build(dag)
  all.push(dag)
}
const fail = () => { throw new Error('no such table, said hidden-pass-word') }
const tells = { onFailureCallback: hook, onSuccessCallback: hook, onRetryCallback: hook }
make('fails', (dag) => dag.task('load', async () => { await getClient().getConnection('secret'); fail() }, { retries: 1, retryDelay: 0 })(),
  { defaultArgs: tells, onFailureCallback: hook, onSuccessCallback: hook })
make('works', (dag) => dag.task('load', () => 1)(), { defaultArgs: tells, onFailureCallback: hook, onSuccessCallback: [hook, hook] })
make('quiet', (dag) => dag.task('load', () => 1)())
export default all
`

describe('alerts', () => {
  let baram: TestBaram
  let hooks: WebhookServer
  let scheduler: ChildProcess

  beforeAll(async () => {
    hooks = await startWebhookServer()
    baram = await startBaram({ BARAM__API__BASE_URL: 'https://baram.example/' })
    baram.writeDag('all.ts', DAGS)
    expect((await baram.dagctl('connections', 'add', 'hook', '--conn-uri', hooks.url)).code).toBe(0)
    const secret = 'http://user:hidden-pass-word@db.example/'
    expect((await baram.dagctl('connections', 'add', 'secret', '--conn-uri', secret)).code).toBe(0)
    scheduler = await baram.start('scheduler')
    await baram.start('worker', '--concurrency', '4')
    await eventually('the DAGs', async () => (await baram.query('select 1 from dag')).length === 3)
  }, 60_000)
  afterAll(async () => {
    await baram.stop()
    await hooks.stop()
  })

  const told = (dagId: string) =>
    hooks
      .of(dagId)
      .map(({ body }) => `${String(body['kind'])} ${String(body['taskId'])} ${String(body['tryNumber'])}`)
      .sort()
  const settled = () =>
    eventually('all callbacks to end', async () => {
      const open = await baram.query("select 1 from callback where state in ('pending', 'running')")
      return open.length === 0
    })

  it('a retry, the failure and the failure of the run arrive once each, masked, with a link and an id', async () => {
    const { runId, state } = await runToEnd(baram, 'fails')
    await settled()
    expect([state, told('fails')]).toEqual(['failed', ['failure load 2', 'failure null null', 'retry load 1']])
    const failure = hooks.of('fails').find(({ body }) => body['kind'] === 'failure' && body['taskId'] === 'load')
    expect(failure?.body).toMatchObject({
      ...{ dagId: 'fails', runId, mapIndex: -1, timezone: 'UTC', deadline: null },
      reason: 'Failed on the last try: no such table, said ***',
      text: `fails.load failed: Failed on the last try: no such table, said *** Run ${runId}.`,
      url: `https://baram.example/dags/fails/runs/${encodeURIComponent(runId)}/tasks/load`,
    })
    expect(failure?.key).toBe(failure?.body['id'])
    expect(new Set(hooks.received.map(({ key }) => key)).size).toBe(hooks.received.length)
    const ofRun = hooks.of('fails').find(({ body }) => body['taskId'] === null)
    expect(ofRun?.body['reason']).toBe('Failed: load.')
  })

  it('each of a list is told; a DAG without callbacks stores nothing', async () => {
    await runToEnd(baram, 'works')
    await runToEnd(baram, 'quiet')
    await settled()
    expect([told('works'), told('quiet')]).toEqual([['success load 1', 'success null null', 'success null null'], []])
    expect(scheduler.exitCode).toBe(null)
  })
})
