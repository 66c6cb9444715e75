// Logs of every kind as bytes: what our writer makes, what others make, and what damage leaves.

import fc from 'fast-check'
import { LineIndex } from '../../../webserver/logs/line-index.ts'
import { LineSplitter, MAX_LINE } from '../../../webserver/logs/line-splitter.ts'

const text = fc.oneof(
  fc.constantFrom(
    '',
    'plain',
    '::group::Load',
    '::endgroup::',
    '  ::group::é',
    '\u001b[31m::group::red\u001b[0m',
    'İstanbul ΣΑΣ',
    '한글 🙂',
    '\u001b[1;31mFail\u001b[0med: 503',
    'a "quoted" word',
    '\u0000',
  ),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
)
const level = fc.constantFrom('debug', 'info', 'warning', 'error', 'WARN', 'critical', 'other')

/** As the worker writes it. */
const ours = fc
  .record({
    level,
    event: text,
    fields: fc.option(
      fc.dictionary(text, fc.oneof(text, fc.integer(), fc.constant({ level: 'error' })), { maxKeys: 2 }),
      { nil: undefined },
    ),
    exception: fc.option(fc.constantFrom('Error: lost\n    at work (/dags/a.ts:1:2)', 'x'), { nil: undefined }),
  })
  .map(({ level, event, fields, exception }) =>
    JSON.stringify({
      timestamp: '2026-01-05T00:00:00.000Z',
      ...(fields && { fields }),
      ...(exception && { exception }),
      level,
      logger: 'task',
      event,
    }),
  )
/** In the order that lines of our own and printed ones have. */
const printed = fc
  .record({ level, event: text })
  .map(({ level, event }) =>
    JSON.stringify({ timestamp: '2026-01-05T00:00:00.000Z', level, logger: 'task.stdout', event }),
  )
/** Cut by a crash, or of another program. */
const strange = fc.oneof(
  fc.constantFrom(
    '',
    '\r',
    '{}',
    '[]',
    'null',
    '{"level":"error","event":{"a":"Fail"}}',
    '{"level":"error","level":"info","event":"x"}',
    'a line of text',
    '\u0000\u0000',
  ),
  fc.tuple(ours, fc.nat()).map(([line, at]) => line.slice(0, at % (line.length + 1))),
  fc.string({ maxLength: 20 }).map((line) => line.replaceAll('\n', '')),
)

export interface Written {
  readonly lines: readonly string[]
  readonly bytes: Buffer
}

/** Lines, and their bytes: with or without a final newline, some with `\r\n`. */
export const writtenLog: fc.Arbitrary<Written> = fc
  .record({
    lines: fc.array(
      fc.tuple(
        fc.oneof({ weight: 4, arbitrary: printed }, { weight: 3, arbitrary: ours }, { weight: 2, arbitrary: strange }),
        fc.boolean(),
      ),
      { maxLength: 40 },
    ),
    isEnded: fc.boolean(),
  })
  .map(({ lines: made, isEnded }) => {
    // Bytes hold no half of a surrogate pair, where a line was cut there.
    const lines = made.map(([line, isDos]) => (isDos ? `${line}\r` : line).toWellFormed())
    // Without a newline an empty last line is none.
    while (!isEnded && lines.at(-1) === '') lines.pop()
    const all = lines.join('\n') + (isEnded && lines.length > 0 ? '\n' : '')
    return { lines, bytes: Buffer.from(all) }
  })

/** The bytes cut anywhere, also within a character. */
export function* cut(bytes: Buffer, sizes: readonly number[]): Iterable<Buffer> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = Math.max(1, sizes[i % sizes.length] ?? 1)
    yield bytes.subarray(at, at + size)
    at += size
  }
}

export const pieceSizes = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 5 })

export function indexOf(pieces: Iterable<Buffer>): LineIndex {
  const index = new LineIndex()
  const splitter = new LineSplitter()
  // The reader reuses its memory: so does this.
  const memory = Buffer.alloc(MAX_LINE + 1024)
  for (const piece of pieces) {
    const length = piece.copy(memory)
    for (const batch of splitter.push(memory.subarray(0, length))) index.add(batch)
    memory.fill(0, 0, length)
  }
  const rest = splitter.rest()
  if (rest !== null) index.add(rest)
  return index
}
