// What is known of every line of a log after one pass over it: how many there are of each level, where each block of them
// begins, the first error, the groups. 1 GB of lines costs about half a megabyte.

import type { Batch } from './line-splitter.ts'
import { parseLine, readLevel } from './log-file.ts'
import { LEVELS, type Level, type LevelCounts, type LogCounts } from './shown/line.ts'
import { markOf } from './shown-line.ts'

/** A block ends after so many lines or bytes: reading one costs a few milliseconds. */
const BLOCK_LINES = 1000
const BLOCK_BYTES = 1024 * 1024
/** Groups beyond these are not folded: their marks stay lines. */
const MOST_GROUPS = 20_000

export interface Block {
  /** Its first line, from 1, and where that begins. */
  readonly line: number
  readonly offset: number
  /** Lines a level, in the order of `LEVELS`. */
  readonly counts: [number, number, number, number]
}

export interface GroupMark {
  readonly start: number
  end: number | null
  /** Whether `end` is the mark that ended it, and no line of its own. */
  isEnded: boolean
  hasError: boolean
}

const STRING = String.raw`"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*"`
const VALUE = String.raw`(?:${STRING}|-?\d{1,15}(?:\.\d{1,15})?|true|false|null)`
/**
 * A line as our writer makes them, which is JSON for certain: its level is read without parsing it, which is most of the
 * work. Of bytes read as Latin-1, so that nothing is decoded either: all that counts is ASCII.
 */
const WRITTEN = new RegExp(
  [
    String.raw`\{"timestamp":"[\w:.+-]*",`,
    String.raw`(?:"fields":\{(?:${STRING}:${VALUE}(?:,${STRING}:${VALUE})*)?\},)?`,
    `(?:"exception":${STRING},)?`,
    String.raw`"level":"(\w+)","logger":"[\w.]*","event":${STRING}\}$`,
  ].join(''),
  'my',
)
/** Longer lines are parsed: a pattern must not run over megabytes. */
const MOST_MATCHED = 256 * 1024

/** The level of the line in `bytes[from, to)`; `text`: the bytes as Latin-1. */
export function levelOf(bytes: Buffer, text: string, from: number, to: number): Level {
  WRITTEN.lastIndex = from
  const level = to - from > MOST_MATCHED ? undefined : WRITTEN.exec(text)?.[1]
  return level === undefined ? parseLine(bytes.toString('utf8', from, to)).level : readLevel(level)
}

function markAt(bytes: Buffer, from: number, to: number): 'group' | 'end' | null {
  const line = bytes.subarray(from, to)
  return line.includes('group::') ? markOf(parseLine(line.toString('utf8')).event) : null
}

export class LineIndex {
  /** The bytes counted: where the next line begins. */
  size = 0
  total = 0
  firstError: number | null = null
  readonly blocks: Block[] = []
  readonly groups: GroupMark[] = []

  /** Counts the lines that follow those counted so far. */
  add(batch: Batch): void {
    const { bytes } = batch
    const text = bytes.toString('latin1')
    const mayMark = text.includes('group::')
    for (let at = 0; at < bytes.length; ) {
      const newline = bytes.indexOf(10, at)
      const end = newline === -1 ? bytes.length : newline
      const block = this.blockAt(batch.start + at)
      const level = levelOf(bytes, text, at, end)
      this.total++
      block.counts[LEVELS.indexOf(level)]!++
      if (level === 'error') this.noteError()
      if (mayMark) this.noteMark(markAt(bytes, at, end))
      at = end + 1
    }
    this.size = batch.end
  }

  private blockAt(offset: number): Block {
    const last = this.blocks.at(-1)
    if (last !== undefined && this.total + 1 - last.line < BLOCK_LINES && offset - last.offset < BLOCK_BYTES)
      return last
    const made: Block = { line: this.total + 1, offset, counts: [0, 0, 0, 0] }
    this.blocks.push(made)
    return made
  }

  private noteError(): void {
    this.firstError ??= this.total
    const group = this.groups.at(-1)
    if (group?.end === null) group.hasError = true
  }

  /** A group inside a group ends the earlier one, as in GitHub's logs. */
  private noteMark(mark: 'group' | 'end' | null): void {
    if (mark === null) return
    const group = this.groups.at(-1)
    if (group?.end === null) {
      group.end = mark === 'end' ? this.total : this.total - 1
      group.isEnded = mark === 'end'
    }
    if (mark === 'group' && this.groups.length < MOST_GROUPS)
      this.groups.push({ start: this.total, end: null, isEnded: false, hasError: false })
  }

  counts(): LogCounts {
    return { total: this.total, levels: sumCounts(this.blocks), firstError: this.firstError }
  }

  /** The place of the block that holds line `n`. */
  blockOf(n: number): number {
    return lastAtMost(this.blocks, (block) => block.line, n)
  }

  blockAtOffset(offset: number): number {
    return lastAtMost(this.blocks, (block) => block.offset, offset)
  }

  /** The group that line `n` is in. */
  groupOf(n: number): GroupMark | null {
    const group = this.groups[lastAtMost(this.groups, ({ start }) => start, n)]
    return group !== undefined && group.start <= n && (group.end === null || n <= group.end) ? group : null
  }

  /** Bytes of memory, about. */
  get cost(): number {
    return 1000 + this.blocks.length * 160 + this.groups.length * 80
  }
}

/** Place of the last item whose key is at most `key`; 0 when there is none. */
function lastAtMost<T>(items: readonly T[], keyOf: (item: T) => number, key: number): number {
  let low = 0
  let high = items.length - 1
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    const item = items[middle]
    if (item !== undefined && keyOf(item) <= key) low = middle
    else high = middle - 1
  }
  return low
}

export function sumCounts(blocks: readonly Block[]): LevelCounts {
  const sum: Record<Level, number> = { error: 0, warning: 0, info: 0, debug: 0 }
  for (const { counts } of blocks) for (const [i, level] of LEVELS.entries()) sum[level] += counts[i] ?? 0
  return sum
}
