// DAGs folders as deployments have them: links that are swapped, code from elsewhere, mounts that go and come, several hosts.

import { mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { removeDag } from '../../engine/runs/delete.ts'
import type { DagProcessor } from '../../scheduler/dag-processor.ts'
import { eventually } from '../support/baram.ts'
import { activeDags, dagText, startDagProcessor, write } from '../support/dag-processor.ts'
import type { TestEngine } from '../support/engine.ts'
import { useEngines } from '../support/use-engine.ts'

const makeEngine = useEngines()
let engine: TestEngine
let folder = ''
const processors: DagProcessor[] = []
const folders: string[] = []

beforeAll(() => () => {
  for (const each of folders) rmSync(each, { recursive: true, force: true })
})
beforeEach(async () => {
  engine = await makeEngine()
  folder = mkdtempSync(join(tmpdir(), 'baram-folders-'))
  folders.push(folder)
})
afterEach(async () => {
  for (const processor of processors.splice(0)) await processor.stop()
})

async function start(dags: string, settings: Readonly<Record<string, string>> = {}, home = 'home') {
  const processor = await startDagProcessor(engine, dags, join(folder, home), settings)
  processors.push(processor)
  return processor
}

/** Waits until exactly these DAGs are active, with these descriptions. */
const expectActive = (expected: Record<string, string | null>, limitMs = 15_000) =>
  eventually(
    `active DAGs ${JSON.stringify(expected)}`,
    async () => JSON.stringify(await activeDags(engine)) === JSON.stringify(expected),
    limitMs,
  )

/** `ln -sfn target tmp && mv -T tmp link` */
function swap(link: string, target: string): void {
  symlinkSync(target, `${link}.tmp`)
  renameSync(`${link}.tmp`, link)
}

/** Watches the DAGs until the returned function is called; every state they were in. */
function watchStates(): () => Promise<string[]> {
  const seen = new Set<string>()
  let isOver = false
  const looking = (async () => {
    while (!isOver) seen.add(JSON.stringify(await activeDags(engine)))
  })()
  return async () => {
    isOver = true
    await looking
    return [...seen]
  }
}

/** More than the time that a single file may be missing, and more than three listings. */
async function passThreshold(): Promise<void> {
  const began = performance.now()
  await eventually('the threshold to pass', () => performance.now() - began > 2_500)
}

describe('a DAGs folder that is a link', () => {
  test('is read anew when it is swapped, also when the new file has size and time of the old one', async () => {
    for (const rev of ['rev1', 'rev2']) {
      write(join(folder, rev, 'dags', 'x.ts'), dagText('x', rev))
      utimesSync(join(folder, rev, 'dags', 'x.ts'), 1_700_000_000, 1_700_000_000)
    }
    write(join(folder, 'rev2', 'dags', 'y.ts'), dagText('y', 'rev2'))
    symlinkSync('rev1', join(folder, 'current'))
    // The usual refresh interval: the swap itself must be noticed.
    await start(join(folder, 'current', 'dags'), { BARAM__DAG_PROCESSOR__REFRESH_INTERVAL: '30' })
    await expectActive({ x: 'rev1' })
    const swapped = performance.now()
    swap(join(folder, 'current'), 'rev2')
    await expectActive({ x: 'rev2', y: 'rev2' })
    console.log(`swap → read: ${Math.round(performance.now() - swapped)} ms`)
    // What it leads to now is what is watched.
    write(join(folder, 'rev2', 'dags', 'x.ts'), dagText('x', 'edited'))
    await expectActive({ x: 'edited', y: 'rev2' })
    const [row] = await engine.query<{ fileloc: string }>("select fileloc from dag where dag_id = 'x'")
    expect(row?.fileloc).toBe(join(folder, 'current', 'dags', 'x.ts'))
  })

  test('holds files that are links themselves, swapped as a ConfigMap is', async () => {
    const dags = join(folder, 'dags')
    for (const rev of ['..1', '..2']) write(join(dags, rev, 'x.ts'), dagText('x', rev))
    symlinkSync('..1', join(dags, '..data'))
    symlinkSync('..data/x.ts', join(dags, 'x.ts'))
    await start(dags)
    await expectActive({ x: '..1' })
    swap(join(dags, '..data'), '..2')
    await expectActive({ x: '..2' })
  })
})

describe('code from outside the folder', () => {
  const importing = (from: string) =>
    `import { Dag } from 'baram'\nimport { text } from '${from}'\nexport const dag = new Dag('x', { description: text })\ndag.task('a', () => 1)()\n`

  test('is watched: a change of it is a change of the DAG', async () => {
    write(join(folder, 'shared', 'lib.ts'), "export const text = 'one'\n")
    write(join(folder, 'dags', 'x.ts'), importing('../shared/lib.ts'))
    await start(join(folder, 'dags'), { BARAM__DAG_PROCESSOR__REFRESH_INTERVAL: '30' })
    await expectActive({ x: 'one' })
    // As editors save: a new file takes the name.
    for (const text of ['two', 'three']) {
      write(join(folder, 'shared', 'lib.tmp'), `export const text = '${text}'\n`)
      renameSync(join(folder, 'shared', 'lib.tmp'), join(folder, 'shared', 'lib.ts'))
      await expectActive({ x: text })
    }
  })

  test('over a link that is swapped is read at the next listing', async () => {
    for (const rev of ['v1', 'v2']) write(join(folder, rev, 'lib.ts'), `export const text = '${rev}'\n`)
    symlinkSync('v1', join(folder, 'shared'))
    write(join(folder, 'dags', 'x.ts'), importing('../shared/lib'))
    await start(join(folder, 'dags'))
    await expectActive({ x: 'v1' })
    swap(join(folder, 'shared'), 'v2')
    await expectActive({ x: 'v2' })
  })

  test('that is missing is an error which ends when it comes', async () => {
    write(join(folder, 'dags', 'x.ts'), importing('../shared/lib.ts'))
    await start(join(folder, 'dags'))
    await eventually('the error', async () => (await engine.query('select 1 from import_error')).length === 1)
    write(join(folder, 'shared', 'lib.ts'), "export const text = 'there'\n")
    await expectActive({ x: 'there' })
    expect(await engine.query('select 1 from import_error')).toEqual([])
  })
})

describe('a folder that is away for a while', () => {
  test.each(['missing', 'empty'])('hides nothing while it is %s', async (how) => {
    const dags = join(folder, 'dags')
    write(join(dags, 'x.ts'), dagText('x'))
    write(join(dags, 'team', 'y.ts'), dagText('y'))
    await start(dags)
    await expectActive({ x: '', y: '' })
    const states = watchStates()
    renameSync(dags, join(folder, 'away'))
    if (how === 'empty') write(join(dags, 'README'), '')
    await passThreshold()
    rmSync(dags, { recursive: true, force: true })
    renameSync(join(folder, 'away'), dags)
    write(join(dags, 'x.ts'), dagText('x', 'back'))
    await expectActive({ x: 'back', y: '' })
    expect(await states()).toEqual(['{"x":"","y":""}', '{"x":"back","y":""}'])
  })

  test('a file that is deleted makes its DAGs stale, and the same file back makes them active', async () => {
    const dags = join(folder, 'dags')
    write(join(dags, 'x.ts'), dagText('x'))
    write(join(dags, 'y.ts'), dagText('y'))
    await start(dags)
    await expectActive({ x: '', y: '' })
    renameSync(join(dags, 'x.ts'), join(folder, 'x.kept'))
    await expectActive({ y: '' })
    renameSync(join(folder, 'x.kept'), join(dags, 'x.ts'))
    await expectActive({ x: '', y: '' })
  })

  test('a DAG that was deleted comes back with its file, unchanged as it is', async () => {
    const dags = join(folder, 'dags')
    write(join(dags, 'x.ts'), dagText('x'))
    write(join(dags, 'y.ts'), dagText('y'))
    await start(dags)
    await expectActive({ x: '', y: '' })
    renameSync(join(dags, 'x.ts'), join(folder, 'x.kept'))
    await removeDag(engine, 'x', { name: 'test', via: 'cli' })
    await expectActive({ y: '' })
    renameSync(join(folder, 'x.kept'), join(dags, 'x.ts'))
    await expectActive({ x: '', y: '' })
  })
})

describe('two hosts', () => {
  test('of which one lacks a file do not make its DAG flicker, and without the other it goes', async () => {
    const [full, poor] = [join(folder, 'full'), join(folder, 'poor')]
    for (const dags of [full, poor]) write(join(dags, 'y.ts'), dagText('y'))
    write(join(full, 'x.ts'), dagText('x'))
    const first = await start(full, {}, 'home-1')
    await expectActive({ x: '', y: '' })
    const states = watchStates()
    await start(poor, {}, 'home-2')
    await passThreshold()
    expect(await states()).toEqual(['{"x":"","y":""}'])
    await first.stop()
    await expectActive({ y: '' })
    unlinkSync(join(full, 'x.ts'))
  })

  test('one file that cannot be stored stops no other', async () => {
    const dags = join(folder, 'dags')
    write(join(dags, 'a.ts'), dagText('a').replace("description: ''", `tags: ['${'x'.repeat(300)}']`))
    write(join(dags, 'b.ts'), dagText('b'))
    await start(dags)
    await expectActive({ b: '' })
    const errors = await engine.query<{ filename: string }>('select filename from import_error')
    expect(errors).toEqual([{ filename: 'a.ts' }])
  })
})
