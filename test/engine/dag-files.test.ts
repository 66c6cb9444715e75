// What a read DAG file changes in the database: versions, owners, import errors, stale DAGs.

import { describe, expect, test } from 'vitest'
import type { SerializedDag } from '../../core/serialized.ts'
import { forgetFile, type ParsedFile, recordImportError, syncFile } from '../../engine/dags/sync.ts'
import { removeRun } from '../../engine/runs/delete.ts'
import { showSource } from '../../store/postgres/read-dags.ts'
import { fileOf, type TestEngine } from '../support/engine.ts'
import { makeDag } from '../support/make-dag.ts'
import { useEngines } from '../support/use-engine.ts'

const makeEngine = useEngines()

const sync = (
  engine: TestEngine,
  name: string,
  dags: readonly SerializedDag[],
  changes: Partial<ParsedFile> = {},
  present = [name],
) => syncFile(engine.database, fileOf(name, dags, changes), new Set(present), false)

const versions = (engine: TestEngine) =>
  engine.query<{ version_number: number; tasks: number; code: string }>(
    `select v.version_number, json_array_length(s.data -> 'tasks') as tasks, m.code from dag_version v
     join serialized_dag s on s.dag_version_id = v.id join dag_module m on m.hash = v.module_hash order by 1`,
  )
const errors = async (engine: TestEngine) =>
  (
    await engine.query<{ filename: string; stacktrace: string }>(
      'select filename, stacktrace from import_error order by 1',
    )
  ).map((row) => `${row.filename}: ${row.stacktrace}`)
const dagRows = (engine: TestEngine) =>
  engine.query<{ dag_id: string; relative_fileloc: string; is_stale: boolean; has_import_errors: boolean }>(
    'select dag_id, relative_fileloc, is_stale, has_import_errors from dag order by 1',
  )

describe('versions', () => {
  test('the same bytes read again make none', async () => {
    const engine = await makeEngine()
    expect((await sync(engine, 'a.ts', [makeDag(['a'])])).changed).toEqual(['example'])
    expect((await sync(engine, 'a.ts', [makeDag(['a'])])).changed).toEqual([])
    expect(await versions(engine)).toHaveLength(1)
  })

  test('a change is made in place while no run uses the version, and is a new one after', async () => {
    const engine = await makeEngine()
    await sync(engine, 'a.ts', [makeDag(['a'])])
    await sync(engine, 'a.ts', [makeDag(['a', 'b'])])
    expect(await versions(engine)).toEqual([{ version_number: 1, tasks: 2, code: '// a.ts' }])
    const first = await engine.trigger('example')
    await sync(engine, 'a.ts', [makeDag(['a', 'b', 'c'])])
    expect((await versions(engine)).map((row) => [row.version_number, row.tasks])).toEqual([
      [1, 2],
      [2, 3],
    ])
    const second = await engine.trigger('example')
    expect(Object.keys(await engine.states(first))).toEqual(['a', 'b'])
    expect(Object.keys(await engine.states(second))).toEqual(['a', 'b', 'c'])
  })

  test('a version whose code was shown, or whose run was deleted, is never overwritten', async () => {
    const engine = await makeEngine()
    await sync(engine, 'a.ts', [makeDag(['a'])], { moduleCode: '// one', sourceCode: '// one' })
    expect((await showSource(engine.database, 'example', null))?.sourceCode).toBe('// one')
    await sync(engine, 'a.ts', [makeDag(['a'])], { moduleCode: '// two' })
    await engine.trigger('example', { runId: 'mine' })
    await removeRun(engine, { dagId: 'example', runId: 'mine' }, { name: 'kim', via: 'ui' })
    await sync(engine, 'a.ts', [makeDag(['a'])], { moduleCode: '// three' })
    await sync(engine, 'a.ts', [makeDag(['a'])], { moduleCode: '// four' })
    expect((await versions(engine)).map((row) => row.code)).toEqual(['// one', '// two', '// four'])
  })

  test('changed code alone is a change: a handler’s body is not in the stored DAG', async () => {
    const engine = await makeEngine()
    await sync(engine, 'a.ts', [makeDag(['a'])])
    await engine.trigger('example')
    expect((await sync(engine, 'a.ts', [makeDag(['a'])], { moduleCode: '// new body' })).changed).toEqual(['example'])
    expect((await versions(engine)).map((row) => row.code)).toEqual(['// a.ts', '// new body'])
  })

  test('a run goes on with the version it was created from, also in a process that reads the new one', async () => {
    const engine = await makeEngine()
    await sync(engine, 'a.ts', [makeDag(['a', 'b'], [['a', 'b']])])
    const run = await engine.trigger('example')
    await sync(engine, 'a.ts', [makeDag(['a', 'z'], [['a', 'z']])])
    await engine.makeScheduler().pass()
    await (await engine.makeWorker()).drain()
    expect(await engine.states(run)).toEqual({ a: 'success', b: 'success' })
  })

  test('a version replaced in place is seen by every process, also by one that had read it before', async () => {
    const engine = await makeEngine()
    await sync(engine, 'a.ts', [
      makeDag(['a'], [], { timetable: { kind: 'once' }, startDate: '2024-01-01T00:00:00.000Z' }),
    ])
    const { RunCache } = await import('../../engine/transaction/run-cache.ts')
    const other = new RunCache()
    const [row] = await engine.query<{ id: string }>('select id from dag_version')
    await other.version(engine.database, row?.id ?? '')
    await sync(engine, 'a.ts', [
      makeDag(['a', 'b'], [], { timetable: { kind: 'once' }, startDate: '2024-01-01T00:00:00.000Z' }),
    ])
    const { createDueRuns } = await import('../../engine/runs/create.ts')
    expect(await createDueRuns(engine.database, other)).toBe(1)
    expect(Object.keys(await engine.states(1))).toEqual(['a', 'b'])
  })
})

describe('two files with one DAG id', () => {
  const both = ['a.ts', 'b.ts']
  const owner = async (engine: TestEngine) => (await dagRows(engine))[0]?.relative_fileloc

  test.each([
    ['a.ts', 'b.ts'],
    ['b.ts', 'a.ts'],
  ])('read as %s, %s: the first by name wins, the other is told', async (first, second) => {
    const engine = await makeEngine()
    await sync(engine, first, [makeDag(['a'])], {}, both)
    await sync(engine, second, [makeDag(['a'])], {}, both)
    expect(await owner(engine)).toBe('a.ts')
    expect(await errors(engine)).toEqual([
      'b.ts: DAG example is already declared in a.ts; give one of the two another id',
    ])
    await sync(engine, 'b.ts', [makeDag(['a'])], {}, both)
    await sync(engine, 'a.ts', [makeDag(['a'])], {}, both)
    expect(await owner(engine)).toBe('a.ts')
    expect(await errors(engine)).toHaveLength(1)
  })

  test('a DAG that moved to another file is no duplicate', async () => {
    const engine = await makeEngine()
    await sync(engine, 'a.ts', [makeDag(['a'])])
    await sync(engine, 'b.ts', [makeDag(['a'])], {}, ['b.ts'])
    expect(await owner(engine)).toBe('b.ts')
    await forgetFile(engine.database, 'a.ts')
    expect(await dagRows(engine)).toMatchObject([{ relative_fileloc: 'b.ts', is_stale: false }])
    expect(await errors(engine)).toEqual([])
  })

  test('renamed in its file, a DAG leaves its old id stale', async () => {
    const engine = await makeEngine()
    await sync(engine, 'a.ts', [makeDag(['a'], [], { dagId: 'old' })])
    expect((await sync(engine, 'a.ts', [makeDag(['a'], [], { dagId: 'new' })])).stale).toEqual(['old'])
    expect((await dagRows(engine)).map((row) => [row.dag_id, row.is_stale])).toEqual([
      ['new', false],
      ['old', true],
    ])
  })
})

describe('a broken file', () => {
  test('keeps the last good version of its DAGs, runs and all, until it is good again', async () => {
    const engine = await makeEngine()
    await sync(engine, 'a.ts', [makeDag(['a'])])
    const run = await engine.trigger('example')
    await recordImportError(engine.database, 'a.ts', 'SyntaxError', {})
    expect(await dagRows(engine)).toMatchObject([{ is_stale: false, has_import_errors: true }])
    // As Airflow's REST and execution APIs refuse it: what runs may not be what its author means.
    await expect(engine.trigger('example')).rejects.toMatchObject({ code: 'REFUSED' })
    await engine.makeScheduler().pass()
    await (await engine.makeWorker()).drain()
    expect(await engine.runState(run)).toBe('success')
    await sync(engine, 'a.ts', [makeDag(['a'])])
    expect(await errors(engine)).toEqual([])
    expect(await dagRows(engine)).toMatchObject([{ is_stale: false, has_import_errors: false }])
  })

  test('with one bad DAG of two stores the good one, tells of the bad one, and keeps what it was', async () => {
    const engine = await makeEngine()
    const [good, bad] = [makeDag(['a'], [], { dagId: 'good' }), makeDag(['a'], [], { dagId: 'bad' })]
    await sync(engine, 'a.ts', [good, bad])
    await sync(engine, 'a.ts', [makeDag(['a', 'b'], [], { dagId: 'good' })], { errorText: 'bad: no' })
    expect((await dagRows(engine)).map((row) => [row.dag_id, row.is_stale])).toEqual([
      ['bad', false],
      ['good', false],
    ])
    expect(await errors(engine)).toEqual(['a.ts: bad: no'])
    expect((await versions(engine)).map((row) => row.tasks).sort()).toEqual([1, 2])
  })

  test('never seen good is an error alone', async () => {
    const engine = await makeEngine()
    await recordImportError(engine.database, 'a.ts', 'SyntaxError', { line: 3 })
    await recordImportError(engine.database, 'a.ts', 'SyntaxError', { line: 4 })
    expect(await dagRows(engine)).toEqual([])
    expect(await errors(engine)).toEqual(['a.ts: SyntaxError'])
  })
})

test('a file that is gone leaves its DAGs stale, its error forgotten, and both come back with it', async () => {
  const engine = await makeEngine()
  await sync(engine, 'a.ts', [makeDag(['a'])])
  await recordImportError(engine.database, 'a.ts', 'SyntaxError', {})
  expect(await forgetFile(engine.database, 'a.ts')).toEqual(['example'])
  expect(await dagRows(engine)).toMatchObject([{ is_stale: true }])
  expect(await errors(engine)).toEqual([])
  await sync(engine, 'a.ts', [makeDag(['a'])])
  expect(await dagRows(engine)).toMatchObject([{ is_stale: false, has_import_errors: false }])
})

test('pausing is the user’s: reading the file again changes nothing of it', async () => {
  const engine = await makeEngine()
  await syncFile(
    engine.database,
    fileOf('a.ts', [makeDag(['a'], [], { isPausedUponCreation: null })]),
    new Set(['a.ts']),
    true,
  )
  const paused = () => engine.query('select is_paused from dag')
  expect(await paused()).toEqual([{ is_paused: true }])
  await engine.query('update dag set is_paused = false')
  await sync(engine, 'a.ts', [makeDag(['a', 'b'])])
  expect(await paused()).toEqual([{ is_paused: false }])
})

test('many readers of the same new file at once make one version', async () => {
  const engine = await makeEngine()
  await Promise.all(Array.from({ length: 6 }, () => sync(engine, 'a.ts', [makeDag(['a'])])))
  expect(await versions(engine)).toHaveLength(1)
})
