// A preview is bounded for people, with totals and the way to all of it; programs get all of it.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { totals } from '../../cli/preview.ts'
import { eventually, startBaram, type TestBaram } from '../support/baram.ts'

describe('a preview', () => {
  const RUNS = 1_254
  let baram: TestBaram

  beforeAll(async () => {
    baram = await startBaram()
    baram.writeDag(
      'many.ts',
      `import { cron, Dag } from 'baram'
export const dag = new Dag('many', { schedule: cron('0 * * * *', { timezone: 'UTC' }), startDate: new Date('2026-01-01T00:00:00Z') })
dag.task('a', () => 1)()
`,
    )
    const scheduler = await baram.start('scheduler')
    await eventually('the DAG', async () => (await baram.query('select 1 from dag_version')).length === 1)
    scheduler.kill('SIGTERM')
    const from = ['--from-date', '2026-01-01', '--to-date', '2026-02-22T05:00:00Z']
    const made = await baram.dagctl('backfill', 'create', '--dag-id', 'many', ...from, '--yes', '-o', 'json')
    expect(made.stderr).toContain('1,254 runs, at most 10 at a time')
    await baram.query("update dag_run set state = 'failed', start_date = now(), end_date = now()")
    await baram.query(
      `update task_instance set state = case when right(id::text, 1) < '8' then 'failed' else 'success' end,
         start_date = now(), end_date = now(), try_number = 1`,
    )
    await baram.query('delete from task_queue')
  }, 120_000)
  afterAll(() => baram.stop())

  it.each([
    [['tasks', 'clear', 'many', '--dry-run'], 'failed', ['success']],
    [['dags', 'clear', 'many', '--dry-run'], 'failed', ['success']],
    [['tasks', 'mark', 'many', 'latest', 'a', 'skipped', '--past', '--dry-run'], 'failed', ['success']],
    [
      [
        'backfill',
        'create',
        '--dag-id',
        'many',
        '--from-date',
        '2025-01-01',
        '--to-date',
        '2025-02-22T05:00:00Z',
        '--dry-run',
      ],
      'new run',
      [],
    ],
  ])(
    'of %j has its first rows, the totals, and how to see all',
    async (args, word, others) => {
      const { stdout, code } = await baram.dagctl(...args)
      expect(code).toBe(0)
      expect(stdout.split('\n').length).toBeLessThan(30)
      expect(stdout).toMatch(/and 1,234 more of 1,254 rows: /)
      for (const each of [word, ...others]) expect(stdout).toMatch(new RegExp(`[\\d,]+ ${each}`))
      expect(stdout).toContain('To see all: --dry-run -o plain')
      const all = await baram.dagctl(...args, '-o', 'plain')
      expect(all.stdout.trim().split('\n')).toHaveLength(RUNS + 1)
    },
    60_000,
  )
})

it('totals name the most frequent value first', () => {
  const rows = [...Array<string>(1_000).fill('failed'), 'success', 'success', 'queued'].map((state) => ({ state }))
  expect(totals(rows, 'state')).toBe('1,000 failed, 2 success, 1 queued')
})
