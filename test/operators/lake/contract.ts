// What every lake adapter must do. Run it with a factory: the directory, and WebHDFS on a real HDFS (test/real).

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

    test.each(['/100% #1?a=b&c+d.txt', "/따옴표 'x'/쉼표,세미;콜론.txt", '/가나다/라 마/바.parquet'])(
      '%j is written, read, listed, renamed and deleted',
      async (path) => {
        const folder = path.slice(0, path.lastIndexOf('/')) || '/'
        await lake.write(path, bytes('쌀'))
        expect(await lake.stat(path)).toEqual({ path, kind: 'file', length: 3 })
        expect(await text(await lake.read(path))).toBe('쌀')
        expect((await lake.list(folder)).map((entry) => entry.path)).toEqual([path])
        expect(await lake.rename(path, `${path}.새`)).toBe(true)
        expect(await lake.delete(`${path}.새`)).toBe(true)
        expect(await lake.list(folder)).toEqual([])
      },
    )

    test('an empty file is a file', async () => {
      expect(await lake.write('/empty', bytes())).toBe(0)
      expect(await lake.stat('/empty')).toEqual({ path: '/empty', kind: 'file', length: 0 })
      expect(await text(await lake.read('/empty'))).toBe('')
    })

    test('a file of several megabytes arrives byte for byte', async () => {
      const sent = createHash('sha256')
      async function* pattern(): AsyncGenerator<Uint8Array> {
        for (let i = 0; i < 100; i += 1) {
          const chunk = Buffer.alloc(65_537, i)
          sent.update(chunk)
          yield chunk
        }
      }
      expect(await lake.write('/large', pattern())).toBe(6_553_700)
      const received = createHash('sha256')
      for await (const chunk of await lake.read('/large')) received.update(chunk as Buffer)
      expect(received.digest('hex')).toBe(sent.digest('hex'))
    })

    test('a folder that is a file has no children, and a missing one none either', async () => {
      await lake.write('/file', bytes('1'))
      expect(await lake.list('/file')).toEqual([])
      expect(await lake.list('/nothing')).toEqual([])
    })

    test('a rename moves nothing into a folder of the target name', async () => {
      await lake.write('/file', bytes('1'))
      await lake.mkdirs('/folder')
      expect(await lake.rename('/file', '/folder')).toBe(false)
      expect(await lake.rename('/file', '/folder', { overwrite: true })).toBe(false)
      expect(await lake.list('/folder')).toEqual([])
      expect(await lake.stat('/file')).not.toBeNull()
    })

    test('a reader sees the old file or the new one while one replaces the other', async () => {
      await lake.write('/seen', bytes('old'))
      let isDone = false
      const replace = async () => {
        for (let i = 0; i < 20; i += 1) {
          await lake.write('/next', bytes('new'))
          expect(await lake.rename('/next', '/seen', { overwrite: true })).toBe(true)
        }
        isDone = true
      }
      const look = async () => {
        while (!isDone) expect(await lake.stat('/seen')).toEqual({ path: '/seen', kind: 'file', length: 3 })
      }
      await Promise.all([replace(), look()])
    })

    test('an aborted write throws the reason and leaves no file', async () => {
      const controller = new AbortController()
      async function* endless(): AsyncGenerator<Uint8Array> {
        for (let i = 0; ; i += 1) {
          if (i === 3) controller.abort(new Error('time is up'))
          yield Buffer.alloc(100_000)
        }
      }
      await expect(lake.write('/big', endless(), { signal: controller.signal })).rejects.toThrow('time is up')
      expect(await lake.stat('/big')).toBeNull()
    })

    test('a write whose source fails throws its error and leaves no file', async () => {
      async function* failing(): AsyncGenerator<Uint8Array> {
        yield Buffer.alloc(100_000)
        throw new Error('the disk is gone')
      }
      await expect(lake.write('/half', failing())).rejects.toThrow('the disk is gone')
      expect(await lake.stat('/half')).toBeNull()
    })

    test('a signal that is aborted already stops reads and writes before they begin', async () => {
      const signal = AbortSignal.abort(new Error('cleared'))
      await lake.write('/a', bytes('1'))
      await expect(lake.write('/b', bytes('1'), { signal })).rejects.toThrow('cleared')
      expect(await lake.stat('/b')).toBeNull()
      const reading = lake.read('/a', { signal }).then((stream) => text(stream))
      await expect(reading).rejects.toThrow(/cleared|aborted/)
    })
  })
}
