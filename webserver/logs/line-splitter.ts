// Bytes in pieces of any size → whole lines. A character that two pieces share stays whole, and a line longer than the limit
// costs no more memory than the limit.

/** What is kept of one line. No writer of ours makes a longer one. */
export const MAX_LINE = 4 * 1024 * 1024

const NEWLINE = 10

/** Consecutive whole lines. */
export interface Batch {
  /** Where its first line begins. */
  readonly start: number
  /** Where the line after its last begins. */
  readonly end: number
  /** Its lines with their newlines; one line alone when it is too long, cut. Reused: valid until the next batch. */
  readonly bytes: Buffer
}

export class LineSplitter {
  /** Where the unfinished line begins. */
  private start: number
  private kept: Buffer[] = []
  private keptBytes = 0
  private length = 0

  constructor(start = 0) {
    this.start = start
  }

  *push(piece: Buffer): Iterable<Batch> {
    const first = piece.indexOf(NEWLINE)
    if (first === -1) {
      this.keep(piece)
      return
    }
    let from = 0
    if (this.length > 0) {
      this.keep(piece.subarray(0, first + 1))
      yield this.take(true)
      from = first + 1
    }
    const to = piece.lastIndexOf(NEWLINE) + 1
    if (to > from) {
      const start = this.start
      this.start += to - from
      yield { start, end: this.start, bytes: piece.subarray(from, to) }
    }
    this.keep(piece.subarray(to))
  }

  /** The last line when no newline has ended it. */
  rest(): Batch | null {
    return this.length === 0 ? null : this.take(false)
  }

  /** Bytes of the unfinished line. */
  get openBytes(): number {
    return this.length
  }

  private keep(bytes: Buffer): void {
    const room = MAX_LINE - this.keptBytes
    // Copied: the caller reads the next piece into the same memory.
    if (room > 0 && bytes.length > 0) this.kept.push(Buffer.from(bytes.subarray(0, room)))
    this.keptBytes += Math.min(room, bytes.length)
    this.length += bytes.length
  }

  private take(isEnded: boolean): Batch {
    const start = this.start
    this.start += this.length
    const isCut = this.keptBytes < this.length
    const bytes = Buffer.concat(isCut && isEnded ? [...this.kept, Buffer.from('\n')] : this.kept)
    this.kept = []
    this.keptBytes = this.length = 0
    return { start, end: this.start, bytes }
  }
}

/** The lines of a batch as text, without their newlines. */
export function textsOf({ bytes }: Batch): string[] {
  const texts = bytes.toString('utf8').split('\n')
  if (bytes.at(-1) === NEWLINE) texts.pop()
  return texts
}
