// Finding in the whole log: literally, without regard to case, in what people see of a line. A request reads for a bounded
// time and says where the next one goes on.

import type { FileHandle } from 'node:fs/promises'
import type { Batch } from './line-splitter.ts'
import { parseLine, readBatches } from './log-file.ts'
import { foldCase } from './shown/find-text.ts'
import type { Level } from './shown/line.ts'
import { searchText } from './shown-line.ts'

export interface FindRequest {
  readonly text: string
  /** Where to go on: a line's beginning and its number. */
  readonly from: FindPosition
  readonly levels: ReadonlySet<Level> | null
  readonly isDone: boolean
  readonly mostHits: number
  readonly mostMs: number
}

export interface FindPosition {
  readonly offset: number
  readonly line: number
}

export interface FindResult {
  /** Numbers of the lines that hold the text. */
  readonly hits: readonly number[]
  /** null: the whole log was looked through */
  readonly next: FindPosition | null
}

/**
 * What is shown of such lines may hold text that is not written in them: escapes of letters, colours within words, details
 * that are put into words, events that are no text, U+212A which is a k. Of bytes read as Latin-1.
 */
const DIFFERS = /\\[u/]|[\x1b\x9b]|"error_detail"|"event"\s*:\s*[^"\s]|\xe2\x84\xaa/g
/** Numbers of fields that may be written in other digits than they are shown: with an exponent, or too exactly. */
const WITH_NUMBERS = new RegExp(String.raw`${DIFFERS.source}|[:,[]\s*-?(?:[\d.]{17}|\d+(?:\.\d+)?[eE])`, 'g')
/** What stands between the words of a line may be written differently from how it is shown. */
const BETWEEN = /[\s="':,{}[\]\\\uFFFD\u0000-\u001f]+/

export interface Needle {
  /** Folded. */
  readonly text: string
  /** A word of it as bytes, written in every line that shows it and is none of those that differ; null when there is none. */
  readonly probe: string | null
  /** Whether the probe is in lower case, and to be looked for there. */
  readonly isFolded: boolean
  readonly differs: RegExp
}

/** Of ASCII, or without upper and lower case: of other words the bytes say nothing without being decoded. */
const isPlain = (word: string) => /^[\x21-\x7e]+$/.test(word) || word.toLowerCase() === word.toUpperCase()

export function makeNeedle(text: string): Needle {
  const folded = foldCase(text)
  const words = folded.split(BETWEEN).filter((word) => word !== '' && isPlain(word))
  const [word] = words.toSorted((a, b) => b.length - a.length)
  const probe = word === undefined ? null : Buffer.from(word).toString('latin1')
  // An e may be an exponent.
  const mayBeNumber = word === undefined || /^[\de.+-]+$/.test(word)
  return {
    text: folded,
    probe,
    isFolded: word !== undefined && /^[\x21-\x7e]+$/.test(word),
    differs: mayBeNumber ? WITH_NUMBERS : DIFFERS,
  }
}

/** The lines that may show the text, as ranges of bytes; most lines are passed over without being looked at one by one. */
function* candidates(bytes: Buffer, needle: Needle): Iterable<readonly [from: number, to: number]> {
  const text = bytes.toString('latin1')
  const searched = needle.isFolded ? text.toLowerCase() : text
  const { probe, differs } = needle
  const none = text.length
  const nextProbe = (at: number) => (probe === null ? at : searched.indexOf(probe, at))
  const nextDiffering = (at: number) => {
    differs.lastIndex = at
    return differs.exec(text)?.index ?? -1
  }
  let found = -2
  let other = -2
  for (let at = 0; at < none; ) {
    if (found !== -1 && found < at) found = nextProbe(at)
    if (other !== -1 && other < at) other = nextDiffering(at)
    const position = Math.min(found === -1 ? none : found, other === -1 ? none : other)
    if (position >= none) return
    const from = bytes.lastIndexOf(10, position) + 1
    const newline = bytes.indexOf(10, position)
    const to = newline === -1 ? none : newline
    yield [Math.max(from, at), to]
    at = to + 1
  }
}

function countLines(bytes: Buffer, from: number, to: number): number {
  let lines = 0
  for (let at = bytes.indexOf(10, from); at !== -1 && at < to; at = bytes.indexOf(10, at + 1)) lines++
  return lines
}

/** Looks through the lines of one batch, the first of which has the number `first`. */
export function hitsInBatch({ bytes }: Batch, first: number, needle: Needle, levels: ReadonlySet<Level> | null) {
  const hits: number[] = []
  let n = first
  let at = 0
  for (const [from, to] of candidates(bytes, needle)) {
    n += countLines(bytes, at, from)
    at = from
    const line = parseLine(bytes.toString('utf8', from, to))
    if (levels?.has(line.level) !== false && foldCase(searchText(line)).includes(needle.text)) hits.push(n)
  }
  const isEnded = bytes.at(-1) === 10
  return { hits, lines: n - first + countLines(bytes, at, bytes.length) + (isEnded ? 0 : 1) }
}

export async function findInLog(file: FileHandle, request: FindRequest): Promise<FindResult> {
  const needle = makeNeedle(request.text)
  const { size } = await file.stat()
  const end = performance.now() + request.mostMs
  const hits: number[] = []
  let { offset, line } = request.from
  for await (const batch of readBatches(file, offset, size, request.isDone)) {
    const found = hitsInBatch(batch, line, needle, request.levels)
    hits.push(...found.hits)
    line += found.lines
    offset = batch.end
    if (hits.length >= request.mostHits || performance.now() > end) return { hits, next: { offset, line } }
  }
  return { hits, next: null }
}
