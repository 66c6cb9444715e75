import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type FindPosition, findInLog, hitsInBatch, makeNeedle } from '../../../webserver/logs/find.ts'
import { LineSplitter } from '../../../webserver/logs/line-splitter.ts'
import { parseLine } from '../../../webserver/logs/log-file.ts'
import { foldCase, hitsIn } from '../../../webserver/logs/shown/find-text.ts'
import { searchText } from '../../../webserver/logs/shown-line.ts'
import { cut, pieceSizes, writtenLog } from './written.ts'

const needles = fc.oneof(
  fc.constantFrom(
    'fail',
    'FAILED',
    '503',
    'group',
    'ΣΑΣ',
    'σας',
    'istanbul',
    'İ',
    '한글',
    '🙂',
    '"',
    '\\',
    'level=',
    'dags/a.ts',
    'a',
    '\uFFFD',
  ),
  fc.string({ minLength: 1, maxLength: 3 }),
)

describe('finding in a log', () => {
  test('finds the lines whose shown text holds it, wherever the pieces are cut', () => {
    fc.assert(
      fc.property(writtenLog, pieceSizes, needles, ({ lines, bytes }, sizes, text) => {
        const needle = makeNeedle(text)
        const hits: number[] = []
        const splitter = new LineSplitter()
        let line = 1
        const look = (batch: Parameters<typeof hitsInBatch>[0]) => {
          const found = hitsInBatch(batch, line, needle, null)
          hits.push(...found.hits)
          line += found.lines
        }
        for (const piece of cut(bytes, sizes)) for (const batch of splitter.push(piece)) look(batch)
        const rest = splitter.rest()
        if (rest !== null) look(rest)
        const expected = lines.flatMap((written, i) =>
          hitsIn(searchText(parseLine(written)), needle.text).length > 0 ? [i + 1] : [],
        )
        expect(hits).toEqual(expected)
        expect(line).toBe(lines.length + 1)
      }),
      { numRuns: 1000 },
    )
  })

  test('folds letter by letter, so that a place in the folded text is a place in the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(foldCase(text).length).toBe(text.length)
        expect(foldCase(foldCase(text))).toBe(foldCase(text))
      }),
    )
    expect(hitsIn('İstanbul istanbul', foldCase('STANBUL'))).toEqual([1, 10])
  })

  describe('over a file', () => {
    let folder = ''
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'baram-find-'))
    })
    afterAll(() => rm(folder, { recursive: true }))

    test('goes on where a request has ended, until the whole log was looked through', async () => {
      const path = join(folder, 'long.log')
      const lines = Array.from({ length: 30_000 }, (_, i) =>
        JSON.stringify({ event: `line ${i}`, level: i % 10 === 0 ? 'error' : 'info' }),
      )
      await writeFile(path, lines.join('\n'))
      const file = await open(path)
      const all = async (levels: ReadonlySet<'error'> | null) => {
        const hits: number[] = []
        let requests = 0
        for (let from: FindPosition | null = { offset: 0, line: 1 }; from !== null; requests++) {
          const found = await findInLog(file, {
            text: 'LINE 2',
            from,
            levels,
            isDone: true,
            mostHits: 500,
            mostMs: 1e9,
          })
          hits.push(...found.hits)
          from = found.next
        }
        return { hits, requests }
      }
      const expected = lines.flatMap((_, i) => (String(i).startsWith('2') ? [i + 1] : []))
      const found = await all(null)
      expect(found.hits).toEqual(expected)
      expect(found.requests).toBeGreaterThan(2)
      expect((await all(new Set(['error']))).hits).toEqual(expected.filter((n) => (n - 1) % 10 === 0))
      // No time at all: one piece a request, and the same hits.
      const hurried = await findInLog(file, {
        text: 'line 29999',
        from: { offset: 0, line: 1 },
        levels: null,
        isDone: true,
        mostHits: 500,
        mostMs: -1,
      })
      expect(hurried.hits).toEqual([])
      expect(hurried.next?.line).toBeGreaterThan(1)
      await file.close()
    })
  })
})
