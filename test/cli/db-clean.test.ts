// `dagctl db clean` as a person and a script meet it, without a scheduler and beside one.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually, startBaram, type TestBaram } from '../support/baram.ts'
import { addOldRuns } from '../support/old-runs.ts'

let baram: TestBaram
const to = {
  query: <Row>(text: string, values?: readonly unknown[]) =>
    baram.query(text, values) as unknown as Promise<readonly Row[]>,
}
const runsOf = async (dagId: string) =>
  (await baram.query('select run_id from dag_run where dag_id = $1 order by id', [dagId])).map((row) => row['run_id'])
const clean = (...args: readonly string[]) => baram.dagctl('db', 'clean', ...args)

beforeAll(async () => {
  baram = await startBaram()
  for (const dagId of ['prices', 'weather', 'cars'])
    baram.writeDag(
      `${dagId}.ts`,
      `import { Dag } from 'baram'\nexport const dag = new Dag('${dagId}', {})\ndag.task('a', () => 1)()\n`,
    )
  const scheduler = await baram.start('scheduler')
  await eventually('the DAGs', async () => (await baram.query('select 1 from dag_version')).length === 3)
  scheduler.kill('SIGTERM')
  await addOldRuns(to, { dagId: 'prices', runs: 4, instances: 3 })
  await addOldRuns(to, { dagId: 'weather', runs: 2 })
  await baram.query(
    "insert into log (dttm, event, owner, dag_id) select now() - interval '2 years', 'e', 'o', d from unnest(array['prices', null]) d",
  )
}, 60_000)
afterAll(() => baram.stop())

describe('without a yes', () => {
  test('a dry run shows what would go by DAG, what stays and why, and deletes nothing', async () => {
    const looked = await clean('--older-than', '365d', '--dry-run')
    expect([looked.code, looked.stdout, looked.stderr]).toEqual([
      0,
      expect.stringMatching(/dag_run\s*│ prices\s*│ 3\s*│ 9\s*│ \d{4}-.*│ \d{4}-.*│ 1 newest of a DAG/),
      expect.stringContaining('Old runs that stay: 2 newest of a DAG.'),
    ])
    expect(looked.stdout).toMatch(/│ log\s*│\s*│ 2 /)
    expect(looked.stderr).toContain('Nothing is archived')
    expect([await runsOf('prices'), await runsOf('weather')]).toEqual([
      ['old-1', 'old-2', 'old-3', 'old-4'],
      ['old-1', 'old-2'],
    ])
  })

  test('a script is refused with exit code 4, and told what it would have deleted', async () => {
    const refused = await clean('--older-than', '365d', '--skip-archive')
    expect([refused.code, refused.stderr]).toEqual([
      4,
      expect.stringMatching(
        /Delete 4 runs of 2 DAGs with 10 task instances, 2 rows of the audit log, from before \d{4}-\S+\? Nothing was done: add --yes/,
      ),
    ])
    expect(refused.stderr).not.toContain('archived')
    expect(await runsOf('prices')).toHaveLength(4)
  })

  test('programs get the preview as JSON', async () => {
    const { stdout } = await clean(
      '--older-than',
      '365d',
      '--dry-run',
      '-o',
      'json',
      '--tables',
      'dag_run',
      '--dag-ids',
      'weather',
    )
    expect(JSON.parse(stdout)).toEqual([
      {
        ...{ table: 'dag_run', dag_id: 'weather', rows: 1, task_instances: 1, kept: '1 newest of a DAG' },
        oldest: expect.stringMatching(/Z$/) as unknown,
        newest: expect.stringMatching(/Z$/) as unknown,
      },
    ])
  })

  test.each([
    [[], 2, 'say how old'],
    [['--older-than', '90d', '--clean-before-timestamp', '2026-01-01'], 2, 'say how old'],
    [['--older-than', '90'], 2, '--older-than must be a whole number of hours, days or weeks'],
    [['--clean-before-timestamp', '9000-01-01'], 2, 'must not lie ahead'],
    [['--clean-before-timestamp', 'yesterday'], 2, '--clean-before-timestamp must be an ISO time'],
    [['--older-than', '90d', '-t', 'task_instance'], 2, 'its rows go with their runs: name dag_run'],
    [['--older-than', '90d', '-t', 'job'], 2, 'the scheduler deletes by its settings'],
    [['--older-than', '90d', '--dag-ids', 'prices,,cars'], 2, '--dag-ids must be names with commas between them'],
    [['--older-than', '90d', '--exclude-dag-ids', 'pricse', '--yes'], 3, 'no DAG pricse'],
  ])('%j ends with exit code %i and a sentence', async (args, code, sentence) => {
    const ended = await clean(...args)
    expect([ended.code, ended.stderr]).toEqual([code, expect.stringMatching(new RegExp(sentence, 'i'))])
    expect(await runsOf('prices')).toHaveLength(4)
  })
})

describe('with a yes', () => {
  test('old runs of the DAGs that are named go, and the audit log has who did it', async () => {
    const nothing = await clean('--clean-before-timestamp', '2001-01-01', '--yes')
    expect([nothing.code, nothing.stderr]).toEqual([0, expect.stringContaining('Nothing to delete from before')])
    const deleted = await clean(
      '--older-than',
      '52w',
      '--exclude-dag-ids',
      'weather',
      '-t',
      'dag_run',
      '-y',
      '--skip-archive',
    )
    expect([deleted.code, deleted.stderr]).toEqual([
      0,
      expect.stringContaining('Deleted 3 runs with 9 task instances.'),
    ])
    expect([await runsOf('prices'), await runsOf('weather')]).toEqual([['old-4'], ['old-1', 'old-2']])
    const [row] = await baram.query("select owner, extra from log where event = 'db.clean' order by id desc limit 1")
    expect(row?.['owner']).toBe('dagctl')
    expect(JSON.parse(String(row?.['extra']))).toMatchObject({
      via: 'cli',
      tables: ['dag_run'],
      exceptDagIds: ['weather'],
    })
  })

  test('what a killed call has left is told, and deleted by the next', async () => {
    await baram.query(
      "update dag_run set dag_id = '', created_dag_version_id = null where dag_id = 'weather' and run_id = 'old-1'",
    )
    const done = await clean('--older-than', '365d', '-t', 'dag_run', '--yes')
    expect([done.code, done.stderr]).toEqual([0, expect.stringContaining('Deleted 1 run with 1 task instance.')])
    expect(await baram.query("select 1 from dag_run where dag_id = ''")).toEqual([])
  })

  test('it works beside a scheduler', async () => {
    const scheduler = await baram.start('scheduler')
    await addOldRuns(to, { dagId: 'cars', runs: 3, instances: 2 })
    const done = await clean('--older-than', '365d', '--yes')
    expect([done.code, done.stderr]).toEqual([
      0,
      expect.stringContaining('Deleted 2 runs with 4 task instances, 2 rows of the audit log.'),
    ])
    expect(await runsOf('cars')).toEqual(['old-3'])
    scheduler.kill('SIGTERM')
  })
})
