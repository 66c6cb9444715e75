// `dagctl` steers a server as it steers the deployment of its own machine: the same output, the same errors, the same exit codes.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { REACH } from '../../cli/reach.ts'
import { eventually, runToEnd } from '../support/baram.ts'
import { type Answer, type Laptop, makeLaptop, PASSWORD, type RemoteBaram, startRemoteBaram } from './remote-baram.ts'

const PRICES = `import { cron, Dag, expand } from 'baram'
export const dag = new Dag('prices', { schedule: cron('0 6 * * *', { timezone: 'Asia/Seoul', interval: true }), isPausedUponCreation: true })
const load = dag.task('load', () => { console.log('loading \\u001b[2J 가격'); return [1, 2, 3] })()
const bad = dag.task('bad', () => { console.log('about to fail'); throw new Error('no such table: 가격') })()
expand(dag.task('one', ({ n }: { n: number }) => n), { n: load })
const total = dag.task('total', () => 6)()
total.after(load)
bad.after(load)
`
const SIMPLE = `import { Dag } from 'baram'
export const dag = new Dag('한국어_집계', { isPausedUponCreation: false })
dag.task('합계', () => 1)()
`
const BROKEN = `import { nothing } from './nowhere.ts'\nexport default nothing\n`

/** Every served command that only reads, with what is asked of it: good questions, and mistakes. */
const READS: Readonly<Record<string, readonly string[][]>> = {
  'dags list': [[], ['-o', 'yaml'], ['-o', 'nonsense']],
  'dags show': [['prices'], ['한국어_집계'], ['prise'], ['nothing']],
  'dags next-execution': [['prices', '-n', '2', '-o', 'json'], ['nothing']],
  'dags list-runs': [
    ['prices'],
    ['prices', '-o', 'json'],
    ['prices', '--state', 'success'],
    ['prices', '--state', 'odd'],
    ['nothing'],
  ],
  'dags list-import-errors': [[]],
  'dags versions': [['prices'], ['prices', '-o', 'json'], ['nothing']],
  'dags source': [['prices'], ['prices', '--version', '1'], ['prices', '--version', '77'], ['nothing']],
  'runs list': [['prices'], ['prices', '--limit', '1', '-o', 'json'], ['prices', '-s', '2030-01-01'], ['nothing']],
  'runs show': [
    ['prices', 'latest'],
    ['prices', 'latest', '-o', 'json'],
    ['prices', 'no-such-run'],
    ['한국어_집계', 'latest'],
  ],
  'runs watch': [
    ['prices', 'latest'],
    ['prices', 'latest', '--exit-status'],
    ['prices', 'no-such-run'],
    ['nothing', 'latest'],
  ],
  'tasks list': [['prices'], ['prices', '-o', 'json'], ['nothing']],
  'tasks states-for-dag-run': [
    ['prices', 'latest'],
    ['prices', 'latest', '-o', 'json'],
    ['prices', 'no-such-run'],
  ],
  'tasks logs': [
    ['prices', 'load'],
    ['prices', 'load', '--json'],
    ['prices', 'load', '--follow'],
    ['prices', 'one', '-m', '1'],
    ['prices', 'one'],
    ['prices', 'nothing'],
    ['prices', '--failed'],
    ['prices', 'load', '--failed'],
    ['prices'],
    ['prices', 'load', '--failed', '--follow'],
  ],
  logs: [
    ['prices', 'bad'],
    ['prices', 'bad', '--failed', '--json'],
  ],
  why: [
    ['prices'],
    ['prices', 'latest', 'bad'],
    ['prices', 'latest', 'bad', '--json'],
    ['prices', '2030-01-01'],
    ['prices', 'no-such-run'],
    ['nothing'],
  ],
  'backfill list': [
    ['--dag-id', 'prices'],
    ['--dag-id', 'nothing'],
  ],
  'pools list': [['-o', 'json']],
  'pools get': [['default_pool'], ['nothing']],
  'variables list': [[], ['--show-values', '--hide-sensitive', '-o', 'json']],
  'variables get': [['region'], ['limits', '--json'], ['nothing'], ['nothing', '--default', 'x']],
  'connections list': [['-o', 'json']],
  'connections get': [['lake'], ['nothing']],
}

/** Served commands that change something: previews and refusals first, which leave everything as it is. */
const PREVIEWS: Readonly<Record<string, readonly string[][]>> = {
  'dags trigger': [['nothing'], ['prices', '--conf', '[1]'], ['prices', '--data-interval-start', '2026-01-01']],
  trigger: [['nothing']],
  'dags pause': [['nothing']],
  'dags unpause': [['prices', '--dry-run'], ['nothing']],
  'dags clear': [
    ['prices', '--run-id', 'latest', '--dry-run'],
    ['prices', '--run-id', 'no-such-run'],
    ['prices', '--run-id', 'latest'],
  ],
  'dags mark': [
    ['prices', 'latest', 'success', '--dry-run'],
    ['prices', 'latest', 'odd'],
  ],
  'dags note': [['prices', 'no-such-run', 'text']],
  'dags delete-run': [
    ['prices', 'no-such-run', '-y'],
    ['prices', 'latest'],
  ],
  'dags delete': [['nothing', '-y'], ['prices']],
  'tasks clear': [
    ['prices', '--run-id', 'latest', '--task-regex', '^l', '--dry-run'],
    ['prices', '--run-id', 'latest', '--task-id', 'load', '--downstream', '--dry-run', '-o', 'json'],
    ['prices', '--only-failed', '--dry-run'],
    ['prices', '--task-id', 'one', '--map-index', '1', '--run-id', 'latest', '--dry-run'],
    ['prices', '--task-regex', 'nothing'],
    ['prices', '--task-regex', '('],
    ['prices', '--past'],
  ],
  'tasks mark': [
    ['prices', 'latest', 'bad', 'success', '--dry-run'],
    ['prices', 'latest', 'bad', 'odd'],
  ],
  'backfill create': [
    ['--dag-id', 'prices', '--from-date', '2026-01-01', '--to-date', '2026-01-03', '--dry-run'],
    ['--dag-id', 'nothing', '--from-date', '2026-01-01', '--to-date', '2026-01-03', '--dry-run'],
    ['--dag-id', 'prices', '--from-date', '2026-01-01', '--to-date', '2026-01-03', '--reprocess-behavior', 'odd'],
  ],
  'backfill pause': [['77']],
  'backfill unpause': [['77']],
  'backfill cancel': [['77', '-y']],
  'variables set': [['bad', 'x', '--json']],
  'variables delete': [['nothing']],
  'variables import': [['nothing.json']],
  'connections add': [['x', '--conn-type', 'odd'], ['lake', '--conn-type', 'http'], ['x']],
  'connections delete': [['nothing']],
  'connections import': [['nothing.json']],
  'pools set': [['p', 'x']],
  'pools delete': [['default_pool']],
}

describe('dagctl on a server', () => {
  let remote: RemoteBaram
  let laptop: Laptop | undefined
  const here = (args: readonly string[]): Promise<Answer> => remote.baram.dagctl(...args, '--profile', 'local')
  const there = async (...args: string[]): Promise<Answer> =>
    (await laptop?.run(args)) ?? { code: -1, stdout: '', stderr: '' }

  beforeAll(async () => {
    remote = await startRemoteBaram()
    const { baram, url } = remote
    baram.writeDag('prices.ts', PRICES)
    baram.writeDag('simple.ts', SIMPLE)
    baram.writeDag('broken.ts', BROKEN)
    await Promise.all([baram.start('scheduler'), baram.start('worker')])
    await eventually('the DAGs to be read', async () => {
      const rows = await baram.query('select 1 from dag')
      const broken = await baram.query('select 1 from import_error')
      return rows.length === 2 && broken.length === 1
    })
    await baram.dagctl('dags', 'unpause', 'prices')
    await runToEnd(baram, 'prices', { day: 1 })
    await baram.dagctl('dags', 'pause', 'prices')
    await baram.dagctl('variables', 'set', 'region', 'seoul', '--description', '지역')
    await baram.dagctl('variables', 'set', 'limits', '{"most": 12345678901234567890}')
    await baram.dagctl('variables', 'set', 'api_key', 'the-secret-value')
    await baram.dagctl(
      'connections',
      'add',
      'lake',
      '--conn-uri',
      'http://me:the-secret-password@h:80/?token=the-secret-token',
    )
    laptop = makeLaptop()
    const signedIn = await laptop.run(['login', '--url', url, '-u', 'admin'], { input: `${PASSWORD}\n` })
    expect(signedIn.code, signedIn.stderr).toBe(0)
  })
  afterAll(async () => {
    laptop?.remove()
    await remote.baram.stop()
  })

  it('every served command is tried below', () => {
    const served = Object.keys(REACH).filter((path) => REACH[path] === 'served' && path !== 'complete')
    expect([...Object.keys(READS), ...Object.keys(PREVIEWS)].toSorted()).toEqual(served.toSorted())
  })

  const cases = Object.entries({ ...READS, ...PREVIEWS }).flatMap(([path, all]) =>
    all.map((args) => [...path.split(' '), ...args]),
  )
  it.each(cases.map((args) => [args.join(' '), args] as const))('%s: as on the machine itself', async (_, args) => {
    const [local, remotely] = await Promise.all([here(args), there(...args)])
    expect(remotely).toEqual(local)
  })

  it('a log that is not there is told with the server that has none', async () => {
    const answer = await there('logs', 'prices', 'load', '--try', '7')
    expect(answer).toMatchObject({ code: 3 })
    expect(answer.stderr).toContain(`has no log on the host of ${remote.url}`)
  })

  it('triggers a run and waits for its end; a run that fails ends it with 1', async () => {
    const good = await there('trigger', '한국어_집계', '--wait', '-o', 'json', '--note', 'by hand')
    expect(good.code, good.stderr).toBe(0)
    expect(JSON.parse(good.stdout)).toMatchObject([{ dag_id: '한국어_집계', state: 'success', run_type: 'manual' }])
    const [{ run_id: runId }] = JSON.parse(good.stdout) as [{ run_id: string }]
    expect((await there('runs', 'show', '한국어_집계', runId, '-o', 'json')).stdout).toContain('"note": "by hand"')
    const watched = await there('runs', 'watch', '한국어_집계', runId, '--exit-status', '--interval', '1')
    expect(watched).toMatchObject({ code: 0, stderr: expect.stringContaining('합계 success') as string })
    const taken = await there('trigger', '한국어_집계', '--run-id', runId)
    expect(taken.code).toBe(1)
  })

  it('pauses, unpauses, notes, marks, clears and deletes', async () => {
    expect(await there('dags', 'pause', '한국어_집계', '-o', 'json')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('"is_paused": true') as string,
    })
    await there('dags', 'unpause', '한국어_집계')
    const { runId } = await runToEnd(remote.baram, '한국어_집계')
    expect(await there('dags', 'note', '한국어_집계', runId, '메모')).toMatchObject({
      code: 0,
      stderr: `Noted on ${runId}.\n`,
    })
    await there('dags', 'pause', '한국어_집계')
    expect(await there('tasks', 'mark', '한국어_집계', runId, '합계', 'failed', '-y')).toMatchObject({
      code: 0,
      stderr: 'Set 1 task instance to failed.\n',
    })
    expect(await there('tasks', 'clear', '한국어_집계', '--run-id', runId, '-y')).toMatchObject({
      code: 0,
      stderr: 'Cleared 1 task instance in 1 run.\n',
    })
    expect((await there('dags', 'mark', '한국어_집계', runId, 'failed', '-y')).code).toBe(0)
    expect(await there('dags', 'delete-run', '한국어_집계', runId, '-y')).toMatchObject({ code: 0 })
    expect((await there('runs', 'show', '한국어_집계', runId)).code).toBe(3)
  })

  it('sets, reads, imports and deletes variables; the value of a secret stays on the server', async () => {
    expect((await there('variables', 'set', 'color', 'red')).stdout).toBe('Variable color set\n')
    expect((await there('variables', 'set', 'color', 'blue')).code).toBe(0)
    expect((await there('variables', 'get', 'color')).stdout).toBe('blue\n')
    expect((await there('variables', 'delete', 'color')).stdout).toBe('Variable color deleted\n')
    const secret = await there('variables', 'get', 'api_key')
    expect(secret).toMatchObject({ code: 4, stdout: '' })
    expect(secret.stderr).toContain('read it on the machine of the deployment')
    const all = await there('variables', 'list', '--show-values')
    expect(all.stdout).not.toContain('the-secret')
  })

  it('adds and deletes a connection, whose password is never shown', async () => {
    const uri = 'postgres://me:pass-word@h:5432/db'
    expect((await there('connections', 'add', 'shop', '--conn-uri', uri)).stdout).toBe('Connection shop added\n')
    const shown = await there('connections', 'get', 'shop', '-o', 'json')
    expect(JSON.parse(shown.stdout)).toMatchObject([{ conn_id: 'shop', password: '***', schema: 'db', port: 5432 }])
    expect((await there('connections', 'delete', 'shop')).code).toBe(0)
  })

  it('makes, pauses and cancels a backfill', async () => {
    const range = ['--dag-id', 'prices', '--from-date', '2026-02-01', '--to-date', '2026-02-03']
    const made = await there('backfill', 'create', ...range, '-y', '-o', 'json')
    expect(made.code, made.stderr).toBe(0)
    const [{ id }] = JSON.parse(made.stdout) as [{ id: number }]
    expect((await there('backfill', 'pause', String(id))).code).toBe(0)
    expect((await there('backfill', 'list', '--dag-id', 'prices')).stdout).toContain('paused')
    expect(await there('backfill', 'cancel', String(id), '-y')).toMatchObject({
      code: 0,
      stderr: `Cancelled backfill ${id}.\n`,
    })
  })

  it('a viewer is told what its role does not allow', async () => {
    const other = makeLaptop()
    try {
      await other.run(['login', '--url', remote.url, '-u', 'viewer'], { input: PASSWORD })
      expect((await other.run(['dags', 'list'])).code).toBe(0)
      const refused = await other.run(['trigger', 'prices'])
      expect(refused).toMatchObject({ code: 4, stdout: '' })
      expect(refused.stderr).toContain('the role of your account')
    } finally {
      other.remove()
    }
  })

  const LOCAL = Object.entries(REACH)
    .filter(([, reach]) => reach === 'local')
    .map(([path]) => path)
  const ARGUMENTS: Readonly<Record<string, readonly string[]>> = {
    'dags diff': ['prices'],
    'backfill show': ['1'],
    'variables export': ['-'],
    'connections export': ['-'],
    tail: ['topic'],
    'users create': ['-u', 'x'],
    'users reset-password': ['-u', 'x'],
  }
  it.each(LOCAL)('%s says that it is of the machine of the deployment', async (path) => {
    const answer = await there(...path.split(' '), ...(ARGUMENTS[path] ?? []))
    expect(answer).toMatchObject({ code: 4, stdout: '' })
    expect(answer.stderr).toContain(`dagctl ${path} is not among the operations of a server`)
    expect(answer.stderr).toContain(`names ${remote.url}; run it on the machine of the deployment`)
  })

  it.each([['db', 'check'], ['scheduler'], ['check'], ['version']])(
    '%s refuses a server that is named for it',
    async (...args) => {
      const answer = await there(...args, '--url', remote.url)
      expect(answer).toMatchObject({ code: 4, stdout: '' })
      expect(answer.stderr).toContain('is not among the operations of a server')
    },
  )

  it('a profile in use changes nothing for what needs no deployment', async () => {
    expect((await there('version')).code).toBe(0)
  })
})
