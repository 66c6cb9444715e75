// The output of a driver that runs on a standalone worker: read from that worker's pages as it grows, whole lines at a time.

import { ask } from './fetch-json.ts'

const PIECE = 65_536
const HEADING = /^==== Bytes (\d+)-(\d+) of (\d+) of [^\n]* ====\n/

type Output = 'stdout' | 'stderr'

/** What stands behind the last line break is left for the next look: it may end within a character. */
function wholeLines(text: string, isLast: boolean): string {
  return isLast ? text : text.slice(0, text.lastIndexOf('\n') + 1)
}

export class WorkerLog {
  readonly #driverId: string
  readonly #tell: (line: string) => void
  readonly #offsets: Record<Output, number> = { stderr: 0, stdout: 0 }

  constructor(driverId: string, tell: (line: string) => void) {
    this.#driverId = driverId
    this.#tell = tell
  }

  /** What is new since the last look. `isLast`: a line without an end is one too. @throws Error when the worker does not answer */
  async read(workerUi: string, isLast: boolean): Promise<void> {
    for (const output of ['stderr', 'stdout'] as const) while (await this.#piece(workerUi, output, isLast));
  }

  /** Whether there is more. */
  async #piece(workerUi: string, output: Output, isLast: boolean): Promise<boolean> {
    const offset = this.#offsets[output]
    const query = new URLSearchParams({
      driverId: this.#driverId,
      logType: output,
      offset: String(offset),
      byteLength: String(PIECE),
    })
    const text = await (await ask(`${workerUi}/log/?${query.toString()}`)).text()
    const heading = HEADING.exec(text)
    // "Error: Log directory …" while the driver has not begun to write.
    if (heading === null) return false
    const [begin, end, total] = [Number(heading[1]), Number(heading[2]), Number(heading[3])]
    if (begin !== offset || end === offset) return false
    const body = text.slice(heading[0].length)
    const isEnd = isLast && end === total
    const lines = wholeLines(body, isEnd)
    // A line longer than a piece is told in pieces.
    const taken = lines === '' && end - offset >= PIECE ? body : lines
    this.#offsets[output] = taken === body ? end : offset + Buffer.byteLength(taken)
    if (taken === '') return false
    for (const line of taken.replace(/\n$/, '').split('\n')) this.#tell(line.trimEnd())
    return this.#offsets[output] < total
  }
}
