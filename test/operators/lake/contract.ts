// What every lake adapter must do. Run it with a factory: the directory now, WebHDFS later.

import { createHash } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Lake } from '../../../operators/lake/lake.ts'
import { LakePathError } from '../../../operators/lake/paths.ts'

async function* bytes(...chunks: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk)
}

export function lakeContract(name: string, open: () => Promise<Lake>): void {
  describe(`the lake contract on ${name}`, () => {
    let lake: Lake
    beforeEach(async () => {
      lake = await open()
    })

    test('what is written can be read, measured and listed', async () => {
      expect(await lake.write('/candle/dt=2024-03-18/x.parquet', bytes('한', 'ab'))).toBe(5)
      expect(await lake.stat('/candle/dt=2024-03-18/x.parquet')).toEqual({
        path: '/candle/dt=2024-03-18/x.parquet',
        kind: 'file',
        length: 5,
      })
      expect(await text(await lake.read('/candle/dt=2024-03-18/x.parquet'))).toBe('한ab')
      expect((await lake.list('/candle')).map((entry) => [entry.path, entry.kind])).toEqual([
        ['/candle/dt=2024-03-18', 'folder'],
      ])
    })

    test('a write replaces an earlier file', async () => {
      await lake.write('/a', bytes('long content'))
      await lake.write('/a', bytes('short'))
      expect(await text(await lake.read('/a'))).toBe('short')
    })

    test('Korean and spaced names are ordinary', async () => {
      await lake.write('/쌀 시세/2024 년.csv', bytes('1'))
      expect((await lake.list('/쌀 시세')).map((entry) => entry.path)).toEqual(['/쌀 시세/2024 년.csv'])
    })

    test.each(['relative', '/a/../b', '/a/./b', '/a//b', '/a/', '/a\0b', '/at 09:00'])(
      '%j is refused',
      async (path) => {
        await expect(lake.stat(path)).rejects.toThrow(LakePathError)
        await expect(lake.write(path, bytes('x'))).rejects.toThrow(LakePathError)
      },
    )

    test('a checksum, where there is one, depends on the content', async () => {
      await lake.write('/a', bytes('same'))
      await lake.write('/b', bytes('sa', 'me'))
      await lake.write('/c', bytes('other'))
      const [a, b, c] = await Promise.all(['/a', '/b', '/c'].map((path) => lake.checksum(path)))
      expect(a).toEqual(b)
      expect(a).not.toEqual(c)
      if (a?.kind === 'sha256') expect(a.value).toBe(createHash('sha256').update('same').digest('hex'))
    })

    test('rename moves the file and answers true', async () => {
      await lake.write('/._tmp/try/a', bytes('1'))
      await lake.mkdirs('/out')
      expect(await lake.rename('/._tmp/try/a', '/out/a')).toBe(true)
      expect(await lake.stat('/._tmp/try/a')).toBeNull()
      expect(await text(await lake.read('/out/a'))).toBe('1')
    })

    test('rename refuses an existing target with false, and keeps both', async () => {
      await lake.write('/new', bytes('new'))
      await lake.write('/old', bytes('old'))
      expect(await lake.rename('/new', '/old')).toBe(false)
      expect(await text(await lake.read('/old'))).toBe('old')
      expect(await text(await lake.read('/new'))).toBe('new')
    })

    test('rename with overwrite replaces the target', async () => {
      await lake.write('/new', bytes('new'))
      await lake.write('/old', bytes('old'))
      expect(await lake.rename('/new', '/old', { overwrite: true })).toBe(true)
      expect(await text(await lake.read('/old'))).toBe('new')
    })

    test('rename answers false when the source or the folder of the target is missing', async () => {
      expect(await lake.rename('/nothing', '/there')).toBe(false)
      await lake.write('/a', bytes('1'))
      expect(await lake.rename('/a', '/no/such/folder/a')).toBe(false)
      expect(await lake.stat('/a')).not.toBeNull()
    })

    test('rename moves a folder whole, and not onto another one', async () => {
      await lake.write('/v2/x', bytes('1'))
      await lake.write('/v1/x', bytes('0'))
      expect(await lake.rename('/v2', '/v1')).toBe(false)
      expect(await lake.rename('/v2', '/v3')).toBe(true)
      expect((await lake.list('/v3')).map((entry) => entry.path)).toEqual(['/v3/x'])
    })

    test('delete says whether it did, and spares a full folder unless told otherwise', async () => {
      await lake.write('/d/x', bytes('1'))
      expect(await lake.delete('/d')).toBe(false)
      expect(await lake.delete('/d', { recursive: true })).toBe(true)
      expect(await lake.delete('/d')).toBe(false)
      expect(await lake.list('/d')).toEqual([])
    })

    test('an aborted write throws the reason', async () => {
      const controller = new AbortController()
      async function* endless(): AsyncGenerator<Uint8Array> {
        for (let i = 0; ; i += 1) {
          if (i === 3) controller.abort(new Error('time is up'))
          yield Buffer.alloc(1_000)
        }
      }
      await expect(lake.write('/big', endless(), { signal: controller.signal })).rejects.toThrow()
    })
  })
}
