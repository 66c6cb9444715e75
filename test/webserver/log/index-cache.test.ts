import { appendFile, mkdtemp, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { IndexCache } from '../../../webserver/logs/index-cache.ts'
import { LineIndex } from '../../../webserver/logs/line-index.ts'

const line = (event: string, level = 'info') => `${JSON.stringify({ level, event })}\n`

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'baram-index-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function seed(name: string, text: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, text)
  return path
}

const totalOf = async (cache: IndexCache, path: string, isDone = false) => (await cache.get(path, isDone))?.total

describe('the cache of line indexes', () => {
  test('builds one index for all who ask at once, and continues it as the log grows', async () => {
    const add = vi.spyOn(LineIndex.prototype, 'add')
    const cache = new IndexCache()
    const path = await seed('grows.log', line('한') + line('bad', 'error'))
    const all = await Promise.all(Array.from({ length: 5 }, () => cache.get(path, false)))
    expect(new Set(all).size).toBe(1)
    expect(add).toHaveBeenCalledTimes(1)
    await appendFile(path, `${line('third')}{"event":"unfini`)
    expect(await totalOf(cache, path)).toBe(3)
    await appendFile(path, 'shed"}\n')
    expect(await totalOf(cache, path)).toBe(4)
    expect(await cache.get(path, false)).toBe(all[0])
    expect(all[0]?.counts()).toEqual({ total: 4, levels: { error: 1, warning: 0, info: 3, debug: 0 }, firstError: 2 })
    add.mockRestore()
  })

  test('counts a last line without a newline only when nothing can follow', async () => {
    const cache = new IndexCache()
    const path = await seed('open.log', `${line('first')}{"event":"second"}`)
    expect(await totalOf(cache, path, false)).toBe(1)
    expect(await totalOf(cache, path, true)).toBe(2)
    // It did follow, after all.
    await appendFile(path, `\n${line('third')}`)
    expect(await totalOf(cache, path, true)).toBe(3)
  })

  test.each([
    ['cut', async (path: string) => truncate(path, line('a').length)],
    ['written anew with the same length', async (path: string) => writeFile(path, line('z', 'error'))],
    ['replaced by another file', async (path: string) => rename(await seed('other.log', line('z')), path)],
  ])('counts again a log that was %s', async (_how, change) => {
    const cache = new IndexCache()
    const path = await seed('changes.log', line('a') + line('bbbbbbb'))
    const old = await cache.get(path, true)
    await change(path)
    expect(await totalOf(cache, path, true)).toBe(1)
    expect(await cache.get(path, true)).not.toBe(old)
  })

  test('says how far it is when it takes longer, and nothing of a file that is not there', async () => {
    const cache = new IndexCache()
    const path = await seed('long.log', line('x'.repeat(80)).repeat(20_000))
    const answer = await cache.within(path, true, 0)
    expect(answer).toMatchObject({ progress: expect.any(Number) as number })
    expect(await totalOf(cache, path, true)).toBe(20_000)
    expect(await cache.get(join(folder, 'none.log'), true)).toBeNull()
  })

  test('drops what was used least when all together take too much memory', async () => {
    const cache = new IndexCache(2_500)
    const paths = await Promise.all(['one', 'two', 'three'].map((name) => seed(`${name}.log`, line(name))))
    const [one, two, three] = paths as [string, string, string]
    const [first, second] = [await cache.get(one, true), await cache.get(two, true)]
    expect(await cache.get(one, true)).toBe(first)
    await cache.get(three, true)
    expect(await cache.get(one, true)).toBe(first)
    expect(await cache.get(two, true)).not.toBe(second)
  })
})
