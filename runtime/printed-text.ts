// Text that a task prints, on its way from pieces to lines: masked first, while a secret is still whole, then cut.

import type { Masker } from '../core/masker.ts'

/** Longer lines are cut into pieces of this many characters: a 100 MB line must not be held in memory. */
const LINE_LENGTH = 64 * 1024

const isHighSurrogate = (unit: number) => unit >= 0xd800 && unit <= 0xdbff

/** One stream of one attempt. */
export class PrintedText {
  private readonly masker: Masker
  private readonly onLine: (line: string) => void
  /** Not masked yet: the end of it may be the beginning of a secret. */
  private raw = ''
  /** Masked; its line has not ended. */
  private line = ''

  constructor(masker: Masker, onLine: (line: string) => void) {
    this.masker = masker
    this.onLine = onLine
  }

  take(text: string): void {
    this.raw += text
    const safe = this.masker.safeLength(this.raw)
    const masked = this.masker.mask(this.raw.slice(0, safe))
    this.raw = this.raw.slice(safe)
    this.cut(masked)
  }

  /** Nothing follows: what is left is the last line, whether it was ended or not. */
  end(): void {
    const masked = this.masker.mask(this.raw)
    this.raw = ''
    this.cut(masked)
    if (this.line !== '') this.onLine(this.line)
    this.line = ''
  }

  private cut(masked: string): void {
    const lines = masked.split('\n')
    lines[0] = this.line + (lines[0] ?? '')
    const rest = lines.pop() ?? ''
    for (const line of lines) this.onLine(this.shorten(line))
    this.line = this.shorten(rest)
  }

  /** Hands over what a line has too much. */
  private shorten(line: string): string {
    let from = 0
    while (line.length - from > LINE_LENGTH) {
      const end = from + LINE_LENGTH
      const to = isHighSurrogate(line.charCodeAt(end - 1)) ? end - 1 : end
      this.onLine(line.slice(from, to))
      from = to
    }
    return from === 0 ? line : line.slice(from)
  }
}
