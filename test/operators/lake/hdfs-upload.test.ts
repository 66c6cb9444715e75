import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { DirectoryLake } from '../../../operators/lake/directory.ts'
import { hdfsUpload } from '../../../operators/lake/hdfs-upload.ts'
import type { Lake } from '../../../operators/lake/lake.ts'
import type { ScratchFile } from '../../../operators/scratch/scratch.ts'
import { FailTask } from '../../../sdk/index.ts'
import {
  type MadeUpContext,
  madeUpContext,
  removeTemporaryFoldersAfterwards,
  temporaryFolder,
} from '../../support/operator-context.ts'

removeTemporaryFoldersAfterwards()

const TARGET = '/candle/dt=2024-03-18/20240318T090000.parquet'
let root: string
beforeEach(async () => {
  root = await temporaryFolder()
})

async function scratch(content: string): Promise<ScratchFile> {
  const path = join(root, 'scratch', 'min_candle', 'run', 'x.parquet')
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, content)
  return {
    file_name: 'x.parquet',
    local_file_path: path,
    rows: 3,
    bytes: Buffer.byteLength(content),
    sha256: createHash('sha256').update(content).digest('hex'),
  }
}

function attempt(tryNumber = 1): MadeUpContext {
  return madeUpContext({ embeddedRoot: root, taskId: 'to_hdfs', tryNumber })
}

const upload = hdfsUpload({ target: (run) => `/candle/dt=${run.local.ds}/${run.local.tsNodash}.parquet` })
const inLake = (path: string) => join(root, 'lake', path)

test('the file is published whole, the scratch file and the staging are gone', async () => {
  const source = await scratch('candles')
  expect(await upload.execute(attempt(), { source })).toEqual({
    path: TARGET,
    bytes: 7,
    sha256: source.sha256,
    rows: 3,
  })
  expect(await readFile(inLake(TARGET), 'utf8')).toBe('candles')
  expect(await readdir(inLake('/candle/dt=2024-03-18'))).toEqual(['20240318T090000.parquet'])
  expect(existsSync(source.local_file_path)).toBe(false)
})

test('a target that is a template is the rendered one, and cannot lead out of the lake', async () => {
  const templated = hdfsUpload({ target: '/candle/dt={{local.ds}}/{{args.name}}.parquet' })
  expect(templated.templateFields).toEqual(['target'])
  const rendered = { ...templated.options, target: TARGET }
  expect(await templated.execute(attempt(), { source: await scratch('candles') }, rendered)).toMatchObject({
    path: TARGET,
  })
  const source = await scratch('candles')
  for (const target of ['/candle/../../etc/x', '/candle/2024-03-18T00:00:00/x'])
    await expect(Promise.resolve(templated.execute(attempt(), { source }, { ...rendered, target }))).rejects.toThrow(
      /must not hold/,
    )
})

test('the same file again changes nothing and says so', async () => {
  await upload.execute(attempt(), { source: await scratch('candles') })
  const op = attempt()
  await upload.execute(op, { source: await scratch('candles') })
  expect(op.lines.map((line) => line.message)).toContain('the lake already holds this very file: nothing to upload')
  expect(await readdir(inLake('/candle/dt=2024-03-18'))).toEqual(['20240318T090000.parquet'])
})

test('other content replaces the file of the slot', async () => {
  await upload.execute(attempt(), { source: await scratch('old') })
  await upload.execute(attempt(), { source: await scratch('new candles') })
  expect(await readFile(inLake(TARGET), 'utf8')).toBe('new candles')
})

test('a scratch file that changed since it was reported ends the task without a retry', async () => {
  const source = await scratch('candles')
  await writeFile(source.local_file_path, 'CANDLES')
  await expect(upload.execute(attempt(), { source })).rejects.toThrow(FailTask)
  expect(existsSync(inLake(TARGET))).toBe(false)
})

test('a scratch file that is gone before anything was published ends the task with what to do', async () => {
  const source = await scratch('candles')
  const missing = { ...source, local_file_path: `${source.local_file_path}.gone` }
  await expect(upload.execute(attempt(), { source: missing })).rejects.toThrow(/clear the task that writes it/)
})

test('staging of an earlier try is swept, that of another run is left alone', async () => {
  const lake = new DirectoryLake(join(root, 'lake'))
  const crashing = hdfsUpload({ target: TARGET, open: async () => failing(lake, 'rename', 'before').lake })
  const source = await scratch('candles')
  await expect(crashing.execute(attempt(1), { source })).rejects.toThrow('killed')
  await mkdir(inLake('/candle/dt=2024-03-18/._tmp/another-1'), { recursive: true })
  expect(await readdir(inLake('/candle/dt=2024-03-18/._tmp'))).toHaveLength(2)
  await upload.execute(attempt(2), { source })
  expect(await readdir(inLake('/candle/dt=2024-03-18/._tmp'))).toEqual(['another-1'])
})

test('a lake that answers a rename with false is not believed to have published', async () => {
  const lake = new DirectoryLake(join(root, 'lake'))
  const refusing: Lake = new Proxy(lake, {
    get: (target, name) => (name === 'rename' ? () => Promise.resolve(false) : bound(target, name)),
  })
  const source = await scratch('candles')
  const put = hdfsUpload({ target: TARGET, open: () => Promise.resolve(refusing) })
  await expect(put.execute(attempt(), { source })).rejects.toThrow(/refused to rename/)
  expect(existsSync(source.local_file_path)).toBe(true)
})

test('bytes damaged on their way are noticed before they are published', async () => {
  const lake = new DirectoryLake(join(root, 'lake'))
  const damaging: Lake = new Proxy(lake, {
    get: (target, name) =>
      name === 'write'
        ? async (path: string, chunks: AsyncIterable<Uint8Array>) => {
            const written = await target.write(path, chunks)
            await writeFile(target.file(path), 'CANDLES')
            return written
          }
        : bound(target, name),
  })
  const put = hdfsUpload({ target: TARGET, open: () => Promise.resolve(damaging) })
  await expect(put.execute(attempt(), { source: await scratch('candles') })).rejects.toThrow(/differs from/)
  expect(existsSync(inLake(TARGET))).toBe(false)
})

function bound(lake: Lake, name: string | symbol): unknown {
  const value: unknown = Reflect.get(lake, name)
  return typeof value === 'function' ? value.bind(lake) : value
}

/** A lake whose n-th call dies, before or after it took effect: what a killed process leaves behind. */
function dying(lake: Lake, deadly: number, when: 'before' | 'after'): { lake: Lake; calls: () => number } {
  let calls = 0
  const proxy = new Proxy(lake, {
    get(target, name) {
      const value = bound(target, name)
      if (typeof value !== 'function') return value
      return async (...args: readonly unknown[]) => {
        calls += 1
        const isDeadly = calls === deadly
        if (isDeadly && when === 'before') throw new Error('killed')
        const result: unknown = await Reflect.apply(value, undefined, args)
        if (isDeadly) throw new Error('killed')
        return result
      }
    },
  })
  return { lake: proxy, calls: () => calls }
}

function failing(lake: Lake, method: keyof Lake, when: 'before' | 'after'): { lake: Lake } {
  const proxy = new Proxy(lake, {
    get(target, name) {
      const value = bound(target, name)
      if (name !== method || typeof value !== 'function') return value
      return async (...args: readonly unknown[]) => {
        if (when === 'after') await Reflect.apply(value, undefined, args)
        throw new Error('killed')
      }
    },
  })
  return { lake: proxy }
}

describe('killed at any step, the next try ends in the same place', () => {
  async function stepsOf(previous: string | null): Promise<number> {
    const counting = dying(new DirectoryLake(join(root, 'lake')), -1, 'before')
    if (previous !== null) await upload.execute(attempt(), { source: await scratch(previous) })
    const put = hdfsUpload({ target: TARGET, open: () => Promise.resolve(counting.lake) })
    await put.execute(attempt(), { source: await scratch('candles') })
    return counting.calls()
  }

  test.each([
    { previous: null, when: 'before' as const },
    { previous: null, when: 'after' as const },
    { previous: 'older', when: 'before' as const },
    { previous: 'older', when: 'after' as const },
  ])('with $previous in the lake, dying $when each call', async ({ previous, when }) => {
    const steps = await stepsOf(previous)
    expect(steps).toBeGreaterThan(6)
    for (let step = 1; step <= steps; step += 1) {
      root = await temporaryFolder()
      if (previous !== null) await upload.execute(attempt(), { source: await scratch(previous) })
      const lake = new DirectoryLake(join(root, 'lake'))
      const source = await scratch('candles')
      const put = hdfsUpload({ target: TARGET, open: () => Promise.resolve(dying(lake, step, when).lake) })
      await expect(put.execute(attempt(1), { source }), `step ${step}`).rejects.toThrow('killed')
      const seen = existsSync(inLake(TARGET)) ? await readFile(inLake(TARGET), 'utf8') : null
      expect([previous, 'candles']).toContain(seen)
      const again = await upload.execute(attempt(2), { source })
      expect(again).toEqual({ path: TARGET, bytes: 7, sha256: source.sha256, rows: 3 })
      expect(await readFile(inLake(TARGET), 'utf8')).toBe('candles')
      expect(await readdir(inLake('/candle/dt=2024-03-18'))).toEqual(['20240318T090000.parquet'])
      expect(existsSync(source.local_file_path)).toBe(false)
    }
  })

  test('killed after everything but the report, the next try succeeds without the scratch file', async () => {
    const source = await scratch('candles')
    const first = await upload.execute(attempt(1), { source })
    expect(existsSync(source.local_file_path)).toBe(false)
    expect(await upload.execute(attempt(2), { source })).toEqual(first)
  })
})
