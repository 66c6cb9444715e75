// Alerts as their author asks for them, through real processes and their deaths: what arrives at a webhook, and how often.

import type { ChildProcess } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, runToEnd, startBaram, type TestBaram } from '../support/baram.ts'
import { startWebhookServer, type WebhookServer } from '../support/webhook-server.ts'

const dagsOf = (home: string) => `import { existsSync } from 'node:fs'
import { Dag, deadlineAlert, getClient, getContext } from 'baram'
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
make('hangs', (dag) => dag.task('load', () => 1)(), { onSuccessCallback: [1, 2, 3].map(() => webhook({ connId: 'hook', path: '/hang' })) })
make('own', (dag) => dag.task('load', () => 1)(), { onSuccessCallback: [async (alert) => {
  const to = await getClient().getConnectionOrThrow('hook')
  await fetch('http://' + to.host + ':' + to.port + '/own', { method: 'POST', body: JSON.stringify({ ...alert, seen: getContext().runId }) })
}, () => { throw new Error('own goal') }] })
make('killed', (dag) => dag.task('load', () => 1)(), { onSuccessCallback: webhook({ connId: 'hook', path: '/slow', timeout: 60 }) })
make('late', (dag) => dag.task('load', () => 1)(), { schedule: '@yearly', isPausedUponCreation: true,
  deadline: deadlineAlert({ reference: 'slot', interval: 0, callback: hook }) })
make('secret_path', (dag) => dag.task('load', () => 1)(), { onSuccessCallback: webhook({ connId: 'chat', path: '/services/{password}',
  body: ({ text }) => ({ dagId: 'secret_path', text }) }) })
const stalled = new Int32Array(new SharedArrayBuffer(4))
const consume = () => { while (existsSync(${JSON.stringify(home)} + '/stall')) Atomics.wait(stalled, 0, 0, 50) }
make('stream', (dag) => dag.task('consume', consume)(),
  { schedule: '@continuous', isPausedUponCreation: true, deadline: deadlineAlert({ reference: 'last_success', interval: 8, callback: hook }) })
export default all
`

describe('alerts', () => {
  let baram: TestBaram
  let hooks: WebhookServer
  let scheduler: ChildProcess

  beforeAll(async () => {
    hooks = await startWebhookServer()
    baram = await startBaram({ BARAM__API__BASE_URL: 'https://baram.example/' })
    baram.writeDag('all.ts', dagsOf(baram.home))
    expect((await baram.dagctl('connections', 'add', 'hook', '--conn-uri', hooks.url)).code).toBe(0)
    const chat = hooks.url.replace('http://', 'http://:T0%2FB0%2Fsecret-token@')
    expect((await baram.dagctl('connections', 'add', 'chat', '--conn-uri', chat)).code).toBe(0)
    const secret = 'http://user:hidden-pass-word@db.example/'
    expect((await baram.dagctl('connections', 'add', 'secret', '--conn-uri', secret)).code).toBe(0)
    scheduler = await baram.start('scheduler')
    await baram.start('worker', '--concurrency', '4')
    await eventually('the DAGs', async () => (await baram.query('select 1 from dag')).length === 9)
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
  })

  it('a function is a callback too; what it throws is retried and written down', async () => {
    const { runId } = await runToEnd(baram, 'own')
    const [called] = await eventually('the call', () => hooks.of('own').length > 0 && hooks.of('own'))
    expect(called).toMatchObject({ path: '/own', body: { kind: 'success', seen: runId } })
    const failed = await eventually('the other to fail', async () => {
      const rows = await baram.query(
        "select output, ready_at > now() as waits from callback where dag_id = 'own' and tries = 1 and state = 'pending'",
      )
      return rows[0]
    })
    expect(failed).toEqual({ output: 'own goal', waits: true })
  })

  it('a secret part of an address comes from the connection and is sent nowhere else', async () => {
    await runToEnd(baram, 'secret_path')
    const [came] = await eventually('the call', () => hooks.of('secret_path').length > 0 && hooks.of('secret_path'))
    expect([came?.path, came?.authorization]).toEqual(['/services/T0/B0/secret-token', undefined])
  })

  it('a receiver that hangs delays no other DAG', async () => {
    hooks.answers.set('/hang', 'hang')
    await runToEnd(baram, 'hangs')
    await eventually('two calls to hang', () => hooks.of('hangs').length === 2)
    await runToEnd(baram, 'works')
    await eventually('the others', () => hooks.of('works').length === 6)
    expect(await baram.query("select 1 from callback where dag_id = 'hangs' and state = 'running'")).toHaveLength(2)
    expect(hooks.of('hangs')).toHaveLength(2)
  })

  it('a deadline is missed once though no run of the slot was ever made, and no scheduler was there to look', async () => {
    // As after the night in which it was due: the scheduler comes back, and the DAG has room for no run.
    await baram.dagctl('dags', 'unpause', 'late')
    await eventually(
      'the slot',
      async () =>
        (await baram.query("select 1 from deadline where dag_id = 'late' and deadline_time is not null")).length,
    )
    scheduler.kill('SIGKILL')
    await baram.query("update dag set max_active_runs = 0 where dag_id = 'late'")
    await baram.query(
      `update deadline set deadline_time = n.at, counts_from = n.at, slot_start = n.at
       from (select now() - interval '8 hours' as at) n where dag_id = 'late'`,
    )
    scheduler = await baram.start('scheduler')
    await eventually('the alert', () => hooks.of('late').length > 0, 60_000)
    await runToEnd(baram, 'quiet')
    expect(hooks.of('late')).toHaveLength(1)
    expect(hooks.of('late')[0]?.body).toMatchObject({ kind: 'deadline', runId: null, taskId: null })
    expect(String(hooks.of('late')[0]?.body['text'])).toMatch(
      /^late is late: No run was made: nothing had ended at its due time\. It was due on \w+ \d+ \w+ at \d\d:\d\d UTC\.$/,
    )
  })

  it('a call whose scheduler is killed midway is delivered again with the same id', async () => {
    hooks.answers.set('/slow', 'hang')
    await runToEnd(baram, 'killed')
    await eventually('the call', () => hooks.of('killed').length === 1)
    scheduler.kill('SIGKILL')
    hooks.answers.delete('/slow')
    scheduler = await baram.start('scheduler')
    await eventually('the second delivery', () => hooks.of('killed').length === 2, 60_000)
    const [first, second] = hooks.of('killed')
    expect(second?.key).toBe(first?.key)
    await eventually(
      'its end',
      async () => (await baram.query("select 1 from callback where dag_id = 'killed' and state = 'success'")).length,
    )
    expect(hooks.of('killed')).toHaveLength(2)
  })

  it('a stream that stalls is one alert; when it has moved and stalls again, one more', async () => {
    const runs = async () =>
      (
        await baram.query<{ n: number }>(
          "select count(*)::int as n from dag_run where dag_id = 'stream' and state = 'success'",
        )
      )[0]?.n ?? 0
    const isMissed = async () =>
      (await baram.query("select 1 from deadline where dag_id = 'stream' and missed")).length > 0
    await baram.dagctl('dags', 'unpause', 'stream')
    await eventually('it to move', async () => (await runs()) >= 3)
    expect(hooks.of('stream')).toEqual([])
    for (const stalls of [1, 2]) {
      writeFileSync(join(baram.home, 'stall'), '')
      await eventually('the alert', () => hooks.of('stream').length === stalls)
      // The scheduler looks on: it has told this one.
      const asked = await baram.trigger('quiet')
      await eventually(
        'another run',
        async () =>
          (await baram.query("select 1 from dag_run where run_id = $1 and state = 'success'", [asked])).length,
      )
      expect([await isMissed(), hooks.of('stream').length]).toEqual([true, stalls])
      rmSync(join(baram.home, 'stall'))
      await eventually('it to move again', async () => !(await isMissed()))
    }
    await baram.dagctl('dags', 'pause', 'stream')
    expect(hooks.of('stream')[0]?.body).toMatchObject({ kind: 'deadline', reason: 'No run has succeeded for 8 s.' })
  }, 90_000)
})
