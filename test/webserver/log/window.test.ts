import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { IndexCache } from '../../../webserver/logs/index-cache.ts'
import type { LineIndex } from '../../../webserver/logs/line-index.ts'
import type { Level } from '../../../webserver/logs/shown/line.ts'
import { windowRows } from '../../../webserver/logs/shown/rows.ts'
import { countsTo, readTail, readWindow } from '../../../webserver/logs/window.ts'
import { toHtml } from '../../../webserver/pages/task/log/piece-html.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'baram-window-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function seed(name: string, lines: readonly object[]): Promise<{ path: string; index: LineIndex }> {
  const path = join(folder, name)
  await writeFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  const index = await new IndexCache().get(path, true)
  if (index === null) throw new Error('the log is not there')
  return { path, index }
}

/** Few errors, over blocks without any. */
const levelAt = (n: number): Level =>
  n === 17 || n === 18 || n % 2_500 === 0 ? 'error' : n % 3 === 0 ? 'debug' : 'info'
const LINES = Array.from({ length: 12_345 }, (_, i) => ({ event: `line ${i + 1}`, level: levelAt(i + 1) }))

describe('a part of a log', () => {
  test('holds the lines of the wanted levels next to the line asked for, and says how many there are on both sides', async () => {
    const { path, index } = await seed('long.log', LINES)
    const numbers = LINES.map((_, i) => i + 1)
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 13_000 }),
        fc.integer({ min: 0, max: 30 }),
        fc.integer({ min: 0, max: 30 }),
        fc.option(fc.subarray<Level>(['error', 'warning', 'info', 'debug']).map((levels) => new Set(levels))),
        async (line, before, from, levels) => {
          const window = await readWindow(index, path, { line, before, from, levels }, 'UTC')
          const wanted = numbers.filter((n) => levels?.has(levelAt(n)) !== false)
          const older = wanted.filter((n) => n < line)
          const newer = wanted.filter((n) => n >= line)
          const expected = [...(before === 0 ? [] : older.slice(-before)), ...newer.slice(0, from)]
          expect(window.lines.map(({ n }) => n)).toEqual(expected)
          expect(window.lines.map(({ text }) => text)).toEqual(expected.map((n) => `line ${n}`))
          expect([window.before, window.after]).toEqual([
            Math.max(0, older.length - before),
            Math.max(0, newer.length - from),
          ])
        },
      ),
      { numRuns: 150 },
    )
  })

  test('counts exactly what stands before a byte', async () => {
    const { path, index } = await seed('counts.log', LINES.slice(0, 3_000))
    let offset = 0
    for (const [i, line] of LINES.slice(0, 3_000).entries()) {
      if (i % 333 === 0) {
        const counts = await countsTo(index, path, offset)
        const errors = LINES.slice(0, i).filter(({ level }) => level === 'error').length
        expect([counts.total, counts.levels.error, counts.firstError]).toEqual([i, errors, i < 17 ? null : 17])
      }
      offset += Buffer.byteLength(`${JSON.stringify(line)}\n`)
    }
    expect((await countsTo(index, path, offset)).total).toBe(3_000)
  })

  test('opens with the last lines, without numbers, when nothing is counted yet', async () => {
    const { path } = await seed('tail.log', LINES)
    const tail = await readTail(path, true, 500, 'UTC')
    expect(tail?.lines.map(({ text }) => text)).toEqual(LINES.slice(-500).map(({ event }) => event))
    expect(tail?.lines[0]?.n).toBeNull()
  })

  test('shows the beginning of a very long line and says how much is left', async () => {
    const { path, index } = await seed('wide.log', [{ event: 'x'.repeat(20_000) }])
    const { lines } = await readWindow(index, path, { line: 1, before: 0, from: 9, levels: null }, 'UTC')
    expect([lines[0]?.text.length, lines[0]?.cut]).toEqual([16_384, 20_000 - 16_384])
  })

  describe('with groups', () => {
    const GROUPED = [
      { event: 'before' },
      { event: '::group::\u001b[36mRendered fields\u001b[0m' },
      { event: 'connId=a' },
      { event: 'target=b' },
      { event: '::endgroup::' },
      { event: '::group::Upload' },
      { event: 'nn1 answered 503', level: 'error' },
      { event: '::endgroup::' },
      { event: 'between' },
      { event: '::group::Still open' },
      { event: 'last' },
    ]
    const draw = async (line: number, before: number, from: number) => {
      const { path, index } = await seed('groups.log', GROUPED)
      const window = await readWindow(index, path, { line, before, from, levels: null }, 'UTC')
      const html = windowRows(window.lines, window.groups).map(toHtml).join('')
      const folds = [...html.matchAll(/<details class="g" data-start="(\d+)"( open)?>/g)]
      return { window, html, folds: folds.map(([, start, isOpen]) => `${start}${isOpen ?? ''}`) }
    }

    test('folds them, except with an error inside and while nothing has ended them', async () => {
      const { html, folds, window } = await draw(1, 0, 99)
      expect(folds).toEqual(['2', '6 open', '10 open'])
      expect(html).toContain('Rendered fields<span class="glen">  2 lines</span>')
      expect(html).not.toContain('::group::')
      expect(window.openGroup).toBe(10)
    })

    test('keeps a group whole at the edge of what is loaded: its title stands in for its first line', async () => {
      const { html, folds } = await draw(4, 0, 3)
      expect(folds).toEqual(['2 open', '6 open'])
      expect(html).toContain('id="L2" data-level="info" data-out')
      expect(html).toContain('Rendered fields')
      expect((await draw(1, 0, 3)).folds).toEqual(['2 open'])
    })

    test('leaves lines of some levels flat', async () => {
      const { path, index } = await seed('flat.log', GROUPED)
      const window = await readWindow(index, path, { line: 1, before: 0, from: 9, levels: new Set(['error']) }, 'UTC')
      expect(window.lines).toMatchObject([{ n: 7, text: 'nn1 answered 503' }])
      expect(window.groups).toEqual([])
    })
  })
})
