// A part of a log by line numbers: the lines around one, before one, after one, or the last ones, of all levels or of some.

import { type Block, type GroupMark, type LineIndex, levelOf, sumCounts } from './line-index.ts'
import { textsOf } from './line-splitter.ts'
import { type LogLine, parseLine, readBatches, withFile } from './log-file.ts'
import { LEVELS, type Level, type LogGroup, type LogWindow, type ShownLine } from './shown/line.ts'
import { shownLine } from './shown-line.ts'

/** The end of a log that is read for a page whose lines are not counted yet; more while it holds no whole line. */
const TAIL_BYTES = 192 * 1024
const MOST_TAIL_BYTES = 16 * 1024 * 1024

export interface WindowRequest {
  /** The line in question, from 1; beyond the end: the end. */
  readonly line: number
  /** How many lines before it, and from it on. */
  readonly before: number
  readonly from: number
  /** null: all levels */
  readonly levels: ReadonlySet<Level> | null
}

interface Numbered {
  readonly n: number
  readonly line: LogLine
}

/** Reads blocks of one log, each once. */
class BlockReader {
  private readonly index: LineIndex
  private readonly path: string
  private readonly levels: ReadonlySet<Level> | null
  private readonly known = new Map<number, Promise<Numbered[]>>()

  constructor(index: LineIndex, path: string, levels: ReadonlySet<Level> | null) {
    this.index = index
    this.path = path
    this.levels = levels
  }

  /** Lines of the wanted levels in a block. */
  count(block: Block): number {
    return LEVELS.reduce((sum, level, i) => sum + (this.levels?.has(level) === false ? 0 : (block.counts[i] ?? 0)), 0)
  }

  /** Wanted lines of the block; those the index has not counted yet are left out. */
  read(blockNumber: number): Promise<Numbered[]> {
    const known = this.known.get(blockNumber) ?? this.load(blockNumber)
    this.known.set(blockNumber, known)
    return known
  }

  private async load(blockNumber: number): Promise<Numbered[]> {
    const block = this.index.blocks[blockNumber]
    if (block === undefined || this.count(block) === 0) return []
    const next = this.index.blocks[blockNumber + 1]
    const last = (next?.line ?? this.index.total + 1) - 1
    const lines: Numbered[] = []
    let n = block.line - 1
    await withFile(this.path, async (file) => {
      for await (const { bytes } of readBatches(file, block.offset, next?.offset ?? this.index.size, true)) {
        const text = bytes.toString('latin1')
        for (let [at, end] = [0, 0]; at < bytes.length && n < last; at = end + 1) {
          end = bytes.indexOf(10, at)
          if (end === -1) end = bytes.length
          n++
          // Of most blocks a few lines are wanted: the others need not be parsed.
          if (this.levels?.has(levelOf(bytes, text, at, end)) !== false)
            lines.push({ n, line: parseLine(bytes.toString('utf8', at, end)) })
        }
      }
    })
    return lines
  }
}

/** The last `most` wanted lines before line `n`, in order. */
async function linesBefore(reader: BlockReader, index: LineIndex, n: number, most: number): Promise<Numbered[]> {
  const found: Numbered[][] = []
  let missing = most
  for (let blockNumber = index.blockOf(n - 1); blockNumber >= 0 && missing > 0 && n > 1; blockNumber--) {
    const lines = (await reader.read(blockNumber)).filter((line) => line.n < n).slice(-missing)
    missing -= lines.length
    found.unshift(lines)
  }
  return found.flat()
}

/** The first `most` wanted lines from line `n` on. */
async function linesFrom(reader: BlockReader, index: LineIndex, n: number, most: number): Promise<Numbered[]> {
  const found: Numbered[] = []
  for (let blockNumber = index.blockOf(n); blockNumber < index.blocks.length && found.length < most; blockNumber++)
    found.push(...(await reader.read(blockNumber)).filter((line) => line.n >= n).slice(0, most - found.length))
  return found
}

/** How many wanted lines there are before line `n`. */
async function countBefore(reader: BlockReader, index: LineIndex, n: number): Promise<number> {
  const blockNumber = index.blockOf(n)
  const whole = index.blocks.slice(0, blockNumber).reduce((sum, block) => sum + reader.count(block), 0)
  return whole + (await reader.read(blockNumber)).filter((line) => line.n < n).length
}

async function readTitle(index: LineIndex, path: string, n: number, zone: string): Promise<string> {
  const lines = await new BlockReader(index, path, null).read(index.blockOf(n))
  const found = lines.find((line) => line.n === n)
  return found === undefined ? '' : shownLine(found.line, n, zone).text
}

const groupView = ({ start, end, isEnded, hasError }: GroupMark, title: string): LogGroup => ({
  start,
  end,
  title,
  lines: end === null ? 0 : end - start - (isEnded ? 1 : 0),
  hasError,
})

/** Says of each line which group it is in; of a log whose lines are filtered, nothing. */
async function withGroups(
  index: LineIndex,
  path: string,
  zone: string,
  lines: readonly ShownLine[],
): Promise<Pick<LogWindow, 'lines' | 'groups'>> {
  const groups = new Map<number, LogGroup>()
  const grouped: ShownLine[] = []
  for (const line of lines) {
    const mark = line.n === null ? null : index.groupOf(line.n)
    grouped.push(mark === null ? line : { ...line, group: mark.start })
    if (mark === null || groups.has(mark.start)) continue
    const isHead = line.n === mark.start
    groups.set(mark.start, groupView(mark, isHead ? line.text : await readTitle(index, path, mark.start, zone)))
  }
  return { lines: grouped, groups: [...groups.values()] }
}

/** @param zone the DAG's time zone, for the lines' clocks */
export async function readWindow(
  index: LineIndex,
  path: string,
  { line, before, from, levels }: WindowRequest,
  zone: string,
): Promise<LogWindow> {
  const reader = new BlockReader(index, path, levels)
  const n = Math.max(1, Math.min(line, index.total + 1))
  const found = [...(await linesBefore(reader, index, n, before)), ...(await linesFrom(reader, index, n, from))]
  const lines = found.map((item) => shownLine(item.line, item.n, zone))
  const all = index.blocks.reduce((sum, block) => sum + reader.count(block), 0)
  const skipped = await countBefore(reader, index, found[0]?.n ?? n)
  const last = index.groups.at(-1)
  return {
    ...(levels === null ? await withGroups(index, path, zone, lines) : { lines, groups: [] }),
    before: skipped,
    after: all - skipped - lines.length,
    total: index.total,
    openGroup: last?.end === null ? last.start : null,
  }
}

/** Lines of a log whose index is not built yet: the last ones, without numbers. */
export async function readTail(
  path: string,
  isDone: boolean,
  most: number,
  zone: string,
): Promise<{ lines: ShownLine[]; next: number; isWhole: boolean } | null> {
  return withFile(path, async (file) => {
    const { size } = await file.stat()
    for (let bytes = TAIL_BYTES; ; bytes *= 4) {
      const from = Math.max(0, size - bytes)
      const texts: string[] = []
      let next = from
      for await (const batch of readBatches(file, from, size, isDone)) {
        texts.push(...textsOf(batch))
        next = batch.end
      }
      // The first is the end of a line that begins before, unless it is the log's own.
      if (from > 0) texts.shift()
      if (texts.length === 0 && from > 0 && bytes < MOST_TAIL_BYTES) continue
      const lines = texts.slice(-most).map((text) => shownLine(parseLine(text), null, zone))
      return { lines, next, isWhole: from === 0 && texts.length <= most }
    }
  })
}

/** What came before the byte `offset`, the beginning of a line: lines of each level and the first error. */
export async function countsTo(index: LineIndex, path: string, offset: number) {
  if (offset >= index.size) return index.counts()
  const blockNumber = index.blockAtOffset(offset)
  const levels = { ...sumCounts(index.blocks.slice(0, blockNumber)) }
  const block = index.blocks[blockNumber]
  let total = (block?.line ?? 1) - 1
  if (block !== undefined)
    await withFile(path, async (file) => {
      for await (const batch of readBatches(file, block.offset, offset, true))
        for (const text of textsOf(batch)) {
          total++
          levels[parseLine(text).level]++
        }
    })
  return { total, levels, firstError: index.firstError !== null && index.firstError <= total ? index.firstError : null }
}
