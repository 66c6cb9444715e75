// Run control as a person meets it: `dagctl` on real processes. What is cleared while it runs is really stopped first.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isAlive } from '../../runtime/processes.ts'
import { eventually, runToEnd, startBaram, type TestBaram } from '../support/baram.ts'

let baram: TestBaram
beforeAll(async () => {
  baram = await startBaram({ BARAM__DAG_PROCESSOR__REFRESH_INTERVAL: '2' })
  const dag = (id: string, body: string, more = '') =>
    baram.writeDag(
      `${id}.ts`,
      `import { appendFileSync, existsSync } from 'node:fs'\nimport { cron, Dag, getRun } from 'baram'\nimport { ` +
        `bash } from 'baram/operators'\nexport const dag = new Dag('${id}', { isPausedUponCreation: false${more} ` +
        `})\n${body}\n`,
    )
  const marks = JSON.stringify(join(baram.home, 'marks'))
  const go = JSON.stringify(join(baram.home, 'go'))
  // Says its pid, and works until it may end: no time limit of its own.
  dag(
    'slow',
    `dag.task('work', async () => {
  appendFileSync(${marks}, process.pid + '\\n')
  while (!existsSync(${go})) await new Promise((done) => setTimeout(done, 20))
})()`,
  )
  dag(
    'daily',
    `dag.task('day', () => String(getRun().logicalDate?.toISOString()))()`,
    `, schedule: cron('0 0 * * *', { timezone: 'Asia/Seoul' }), startDate: new Date('2026-01-01T00:00:00+09:00')`,
  )
  dag(
    'broken',
    `const a = dag.task('a', () => { if (!existsSync(${go})) throw new Error('not yet') })()
const b = dag.task('b', () => 1)()
b.after(a)`,
  )
  dag(
    'shown',
    `const rows = dag.task('rows', () => 7)()
const said = dag.task('said', bash({ bashCommand: 'echo {{run_id}} {{dag_run.conf.who}} {{ti.xcom_pull task_ids="rows"}}' }))()
said.after(rows)`,
  )
  await baram.start('scheduler')
  await baram.start('worker')
  await eventually('the DAGs', async () => (await baram.query('select 1 from dag')).length === 4)
})
afterAll(() => baram.stop())

const said = (result: { stdout: string; stderr: string }) => `${result.stdout}${result.stderr}`
const pids = (): number[] => {
  const file = join(baram.home, 'marks')
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').map(Number) : []
}

describe('dagctl', () => {
  test('shows what it would clear, and does nothing without a yes', async () => {
    await runToEnd(baram, 'broken')
    const looked = await baram.dagctl('tasks', 'clear', 'broken', '--run-id', 'latest', '--only-failed', '--dry-run')
    expect(looked.code).toBe(0)
    expect(looked.stdout).toMatch(/│ a\s+│.*failed/)
    expect(looked.stdout).toMatch(/│ b\s+│.*upstream_failed/)
    const refused = await baram.dagctl('tasks', 'clear', 'broken', '--only-failed')
    expect([refused.code, said(refused)]).toEqual([
      4,
      expect.stringContaining('Clear 2 task instances in 1 run of broken? Nothing was done: add --yes'),
    ])
    const states = await baram.query('select state from task_instance where dag_id = $1', ['broken'])
    expect(states.map((row) => row['state']).sort()).toEqual(['failed', 'upstream_failed'])
  })

  test('marks a failed task as success, and what had failed behind it goes on', async () => {
    const done = await baram.dagctl('tasks', 'mark', 'broken', 'latest', 'a', 'success', '--yes')
    expect([done.code, said(done)]).toEqual([0, expect.stringContaining('Set 1 task instance to success.')])
    await eventually('the run to succeed', async () => {
      const [run] = await baram.query("select state from dag_run where dag_id = 'broken'")
      return run?.['state'] === 'success'
    })
    const again = await baram.dagctl('tasks', 'mark', 'broken', 'latest', 'a', 'success', '--yes')
    expect([again.code, said(again)]).toEqual([
      1,
      expect.stringContaining('task a is already success; there is nothing to mark'),
    ])
  })

  test('ends a running attempt before the cleared task begins again', async () => {
    await baram.dagctl('trigger', 'slow')
    const first = await eventually('the first attempt', () => pids()[0])
    const done = await baram.dagctl('tasks', 'clear', 'slow', '--yes')
    expect([done.code, said(done)]).toEqual([0, expect.stringContaining('Cleared 1 task instance in 1 run.')])
    const second = await eventually('the second attempt', () => pids()[1])
    expect(second).not.toBe(first)
    expect(isAlive(first)).toBe(false)
    const [ti] = await baram.query("select state, try_number from task_instance where dag_id = 'slow'")
    expect(ti).toEqual({ state: 'running', try_number: 2 })
  })

  test('sets a running run to failed: its attempt is stopped', async () => {
    const pid = pids()[1] ?? 0
    const done = await baram.dagctl('dags', 'mark', 'slow', 'latest', 'failed', '--yes')
    expect(done.code).toBe(0)
    await eventually('the attempt to end', () => !isAlive(pid))
    const [run] = await baram.query(
      "select r.state, t.state as task from dag_run r join task_instance t on t.dag_run_id = r.id where r.dag_id = 'slow'",
    )
    expect(run).toEqual({ state: 'failed', task: 'failed' })
  })

  test('backfills dates as they are in the DAG’s zone, and each run sees its own', async () => {
    const range = [
      '--dag-id',
      'daily',
      '--from-date',
      '2026-01-02T00:00:00+09:00',
      '--to-date',
      '2026-01-03T00:00:00+09:00',
    ]
    const looked = await baram.dagctl('backfill', 'create', ...range, '--dry-run')
    expect(looked.stdout.match(/new run/g)).toHaveLength(2)
    expect(looked.stdout).toContain('2026-01-02T00:00:00+09:00')
    const made = await baram.dagctlJson('backfill', 'create', ...range, '--yes', '--max-active-runs', '1')
    expect(made).toMatchObject([{ dag_id: 'daily', runs: 2 }])
    await eventually(
      'the backfill',
      async () => (await baram.query('select 1 from backfill where completed_at is not null')).length === 1,
    )
    expect(await baram.dagctlJson('backfill', 'list', '--dag-id', 'daily')).toMatchObject([{ state: 'completed' }])
    const values = await baram.query(
      "select value #>> '{}' as value from xcom where dag_id = 'daily' and run_id like 'backfill%' order by dag_run_id",
    )
    expect(values.map((row) => row['value'])).toEqual(['2026-01-01T15:00:00.000Z', '2026-01-02T15:00:00.000Z'])
    const shown = await baram.dagctlJson('backfill', 'show', '1')
    expect(shown.map((row) => row['state'])).toEqual(['success', 'success'])
    const wrong = await baram.dagctl(
      'backfill',
      'create',
      '--dag-id',
      'slow',
      '--from-date',
      '2026-01-01',
      '--to-date',
      '2026-01-02',
    )
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('non-periodic schedule')])
  })

  test('deletes a run, and a DAG that comes back with its file', async () => {
    expect((await baram.dagctl('dags', 'delete-run', 'broken', 'latest')).code).toBe(4)
    expect((await baram.dagctl('dags', 'delete-run', 'broken', 'latest', '-y')).code).toBe(0)
    expect(await baram.query("select 1 from dag_run where dag_id = 'broken'")).toEqual([])
    const done = await baram.dagctl('dags', 'delete', 'slow', '-y')
    expect([done.code, done.stdout.trim()]).toEqual([0, 'Deleted slow and 1 run.'])
    // Its file is still there: the next listing brings the DAG back, without the runs that were deleted with it.
    await eventually(
      'the DAG to be back',
      async () => (await baram.query("select 1 from dag where dag_id = 'slow' and not is_stale")).length === 1,
    )
    expect((await baram.dagctl('dags', 'show', 'slow')).code).toBe(0)
    expect(await baram.query("select 1 from dag_run where dag_id = 'slow'")).toEqual([])
  })

  test('shows the run that a trigger would make, with its checks, and makes none', async () => {
    const interval = ['--data-interval-start', '2026-01-01', '--data-interval-end', '2026-01-02']
    const [shown] = await baram.dagctlJson('trigger', 'daily', '--run-id', 'look', ...interval, '--dry-run')
    expect(shown).toMatchObject({ run_id: 'look', data_interval_end: '2026-01-02T00:00:00.000Z' })
    expect(await baram.query("select 1 from dag_run where run_id = 'look'")).toEqual([])
    expect((await baram.dagctl('trigger', 'daily', '--data-interval-start', '2026-01-01')).code).toBe(2)
  })

  test('keeps pools', async () => {
    expect((await baram.dagctl('pools', 'set', 'small', '2', 'two at a time')).code).toBe(0)
    expect(await baram.dagctlJson('pools', 'get', 'small')).toMatchObject([{ slots: 2, description: 'two at a time' }])
    expect((await baram.dagctl('pools', 'delete', 'default_pool', '-y')).code).toBe(4)
    expect((await baram.dagctl('pools', 'delete', 'small', '-y')).code).toBe(0)
    expect((await baram.dagctl('pools', 'set', 'small', 'two')).code).toBe(2)
  })

  test('renders the templates of a task as in a run that was', async () => {
    const { runId } = await runToEnd(baram, 'shown', { who: 'kim' })
    const shown = await baram.dagctl('tasks', 'render', 'shown', 'said', '--run-id', runId)
    expect([shown.code, said(shown)]).toEqual([0, expect.stringContaining(`bashCommand: echo ${runId} kim 7`)])
  })
})
