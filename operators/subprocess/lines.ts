// The output of a command as lines: decoded across chunks, and bounded however long a line or however many of them.

import { type TextStream, textStream } from '../charset.ts'

/** An XCom may have as much; what a line has beyond it is told as lines of its own. */
export const LONGEST_LINE = 1_048_576
/** Of the end of the output: what a failure's message can show. */
const TAIL_LENGTH = 380

/** Python's `rstrip()`, which Airflow applies to each line. */
const trimmed = (line: string) => line.trimEnd()

export class OutputLines {
  readonly #decoder: TextStream
  readonly #tell: (line: string) => void
  #rest = ''
  #cut: string | null = null
  #last = ''
  readonly #tail = new Tail()
  readonly #telling = new Tail()
  readonly #isTelling: (line: string) => boolean

  /**
   * @param isTelling lines that say why a command failed; default all. Others are in `tail` only when there is none of these
   * @throws CharsetUnknownError
   */
  constructor(encoding: string, tell: (line: string) => void, isTelling: (line: string) => boolean = () => true) {
    this.#decoder = textStream(encoding)
    this.#tell = tell
    this.#isTelling = isTelling
  }

  /**
   * The last line, `''` when there was none. One that was too long to keep comes cut, with a character more than an
   * XCom may have: so it is refused as an XCom instead of being taken for whole.
   */
  get last(): string {
    return this.#last
  }

  /** The last few lines that fit into a message. */
  get tail(): string {
    return this.#telling.text === '' ? this.#tail.text : this.#telling.text
  }

  add(chunk: Uint8Array): void {
    this.#take(this.#decoder.write(chunk))
  }

  /** The output has ended: what stands behind the last line break is a line as well. */
  end(): void {
    this.#take(this.#decoder.end())
    if (this.#rest !== '' || this.#cut !== null) this.#line(this.#rest)
    this.#rest = ''
  }

  #take(text: string): void {
    const lines = text.split('\n')
    lines[0] = this.#rest + (lines[0] ?? '')
    const rest = lines.pop() ?? ''
    for (const line of lines) this.#line(line)
    this.#rest = this.#shorten(rest)
  }

  /** Tells what a line without an end has too much. */
  #shorten(rest: string): string {
    let from = 0
    for (; rest.length - from > LONGEST_LINE; from += LONGEST_LINE) {
      const piece = rest.slice(from, from + LONGEST_LINE)
      this.#cut ??= `${piece}…`
      this.#tell(piece)
    }
    return from === 0 ? rest : rest.slice(from)
  }

  #line(raw: string): void {
    const line = trimmed(this.#shorten(raw))
    this.#last = this.#cut ?? line
    this.#cut = null
    this.#tell(line)
    this.#tail.add(line)
    if (this.#isTelling(line)) this.#telling.add(line)
  }
}

class Tail {
  readonly #lines: string[] = []

  get text(): string {
    return this.#lines.join('\n')
  }

  add(line: string): void {
    if (line === '') return
    this.#lines.push(line.slice(0, TAIL_LENGTH))
    while (this.#lines.length > 1 && this.text.length > TAIL_LENGTH) this.#lines.shift()
  }
}
