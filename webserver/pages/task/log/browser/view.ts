// The loaded part of a log: its end as it grows, or the lines around another place. One load at a time; lines that the stream
// brings meanwhile wait, so that what is drawn is always one part of the log without a gap.

import { formatLevels, readLevels } from '../../../../logs/shown/levels.ts'
import type { Level, LogGroup, LogWindow, ShownLine } from '../../../../logs/shown/line.ts'
import type { LogData } from './data.ts'
import { LogRows, MOST_ROWS } from './rows.ts'

const TAIL = 500
const AROUND = 200
const MORE = 300
/** Nearer to an end of what is loaded than this, more is loaded, px. */
const NEAR = 500
/** Nearer to the end of the log than this, new lines are followed, px. */
const AT_END = 24

export interface LogListener {
  /** Rows were drawn: all of them anew, or these. */
  onRows(rows: readonly HTMLElement[]): void
  /** Lines were written. */
  onNew(lines: readonly ShownLine[]): void
  onMove(): void
}

export const plural = (n: number, word: string): string => `${n.toLocaleString('en')} ${word}${n === 1 ? '' : 's'}`

const numberOf = (text: string | undefined): number | null => (text === undefined || text === '' ? null : Number(text))

export class LogView {
  /** Lines of the whole log that the stream has told of; null while the server counts. */
  total: number | null
  levels: ReadonlySet<Level> | null
  isFollowing: boolean
  /** New lines since the reader left the end. */
  fresh = 0
  readonly rows: LogRows
  private readonly box: HTMLElement
  private readonly data: LogData
  private readonly listener: LogListener
  private before: number
  private after: number
  /** The last line that is drawn or counted in `after`. */
  private seen: number
  /** The byte behind the last line of the stream. */
  private end: number
  private openGroup: LogGroup | null
  private loading: Promise<unknown> = Promise.resolve()
  /** What the stream brought during a load. */
  private held: { lines: readonly ShownLine[]; end: number }[] | null = null

  constructor(box: HTMLElement, data: LogData, listener: LogListener) {
    const { total, before, after, offset, openGroup, levels } = box.dataset
    this.box = box
    this.data = data
    this.listener = listener
    this.rows = new LogRows(box.querySelector<HTMLElement>('#lines') ?? box)
    this.total = numberOf(total)
    this.seen = this.total ?? 0
    this.before = numberOf(before) ?? 0
    this.after = numberOf(after) ?? 0
    this.end = numberOf(offset) ?? 0
    this.openGroup = this.groupFrom(numberOf(openGroup), [])
    this.levels = readLevels(levels)
    this.isFollowing = this.after === 0
  }

  private groupFrom(start: number | null, groups: readonly LogGroup[]): LogGroup | null {
    if (start === null) return null
    return groups.find((group) => group.start === start) ?? { start, end: null, title: '', lines: 0, hasError: false }
  }

  /** What the stream brings. */
  take(lines: readonly ShownLine[], end: number): void {
    if (this.held !== null) this.held.push({ lines, end })
    else this.add(lines, end)
  }

  private add(lines: readonly ShownLine[], end: number): void {
    this.end = end
    const numbered = lines.map((line) => this.number(line))
    const wanted = numbered.filter((line) => this.levels?.has(line.level) !== false)
    const unseen = wanted.filter((line) => line.n === null || line.n > this.seen)
    this.seen = Math.max(this.seen, this.total ?? 0)
    // A reader who looks at older lines keeps them: what they have loaded is not pushed out.
    if (this.after === 0 && (this.isFollowing || this.rows.elements.length + unseen.length <= MOST_ROWS))
      this.draw(unseen)
    else this.after += unseen.length
    if (!this.isFollowing) this.fresh += unseen.length
    this.listener.onNew(numbered)
    this.settle()
  }

  private draw(lines: readonly ShownLine[]): void {
    const isFlat = this.levels !== null || this.openGroup === null
    const rows = this.rows.append(
      lines,
      isFlat ? this.passed : [...this.passed, ...(this.openGroup === null ? [] : [this.openGroup])],
    )
    for (const [i, row] of rows.entries()) this.rows.noteLevel(row, lines[i]?.level ?? 'info')
    this.passed = []
    this.before += this.rows.trim('first')
    this.listener.onRows(rows)
  }

  /** Groups that ended within the lines that are being drawn. */
  private passed: LogGroup[] = []

  private number(line: ShownLine): ShownLine {
    if (this.total === null) return line
    const n = ++this.total
    if (line.mark === 'group') {
      if (this.openGroup !== null) this.passed.push(this.openGroup)
      this.openGroup = { start: n, end: null, title: line.text, lines: 0, hasError: false }
    }
    const group = this.openGroup
    if (line.mark === 'end' && group !== null) {
      this.passed.push(group)
      this.openGroup = null
    }
    // A part of some levels is flat: a group's rows may all be hidden.
    return group === null || this.levels !== null ? { ...line, n } : { ...line, n, group: group.start }
  }

  /** Loads after the loads that were begun before; null when the server did not answer, which the live dot tells. */
  private hold<T>(body: () => Promise<T>): Promise<T | null> {
    const mine = this.loading.then(async () => {
      this.held = []
      try {
        return await body()
      } catch {
        return null
      } finally {
        const held = this.held
        this.held = null
        for (const { lines, end } of held) this.add(lines, end)
        this.settle()
      }
    })
    this.loading = mine
    return mine
  }

  private get wanted() {
    return { levels: formatLevels(this.levels) }
  }

  private replace(window: LogWindow, after: number, seen: number): void {
    this.rows.clear()
    const rows = this.rows.append(window.lines, window.groups)
    this.before = window.before
    this.after = after
    this.seen = seen
    document.getElementById('log-empty')?.toggleAttribute('hidden', window.lines.length > 0)
    this.listener.onRows(rows)
  }

  /** The end of the log, as far as the stream has told of it. */
  async showEnd(): Promise<void> {
    await this.hold(async () => {
      const to = this.end
      const window = await this.data.window({ ...this.wanted, to, before: TAIL })
      this.replace(window, 0, this.total ?? 0)
      this.isFollowing = true
      this.fresh = 0
    })
  }

  /** The page was opened before its lines were counted. */
  async count(): Promise<{ levels: Readonly<Record<Level, number>>; firstError: number | null } | null> {
    return this.hold(async () => {
      const to = this.end
      const counts = await this.data.counts(to)
      const window = await this.data.window({ ...this.wanted, to, before: TAIL })
      this.total = counts.total
      this.openGroup = this.groupFrom(window.openGroup, window.groups)
      this.replace(window, 0, counts.total)
      return counts
    })
  }

  /** Loads the lines around `n` unless they are there; the row of it, or of the nearest one that is drawn. */
  async show(n: number): Promise<HTMLElement | null> {
    const known = this.rows.find(n)
    if (known === null || this.levels !== null) {
      if (known?.id !== `L${n}`)
        await this.hold(async () => {
          const window = await this.data.window({ ...this.wanted, line: n, before: AROUND, from: AROUND })
          this.replace(window, window.after, window.total)
        })
    }
    const row = this.rows.find(n) ?? this.rows.elements[0] ?? null
    if (row === null) return null
    this.isFollowing = false
    for (let fold = row.closest('details'); fold !== null; fold = fold.parentElement?.closest('details') ?? null)
      if (row.parentElement?.parentElement !== fold) fold.open = true
    row.scrollIntoView({ block: 'center' })
    this.settle()
    return row
  }

  /** The number of the first line in view. */
  get topLine(): number {
    const top = this.box.getBoundingClientRect().top
    const seen = this.rows.elements.find((row) => row.getBoundingClientRect().bottom > top + 1)
    return Number(seen?.id.slice(1) ?? this.rows.last ?? 1)
  }

  setLevels(levels: ReadonlySet<Level> | null): Promise<void> {
    const topLine = this.topLine
    this.levels = levels
    this.rows.hideOthers(levels)
    if (this.isFollowing) return this.showEnd()
    return this.hold(async () => {
      const window = await this.data.window({ ...this.wanted, line: topLine, before: AROUND, from: AROUND })
      this.replace(window, window.after, window.total)
      this.rows.find(topLine)?.scrollIntoView({ block: 'start' })
    }).then(() => undefined)
  }

  /** The reader has scrolled. */
  noteScroll(): void {
    const { scrollHeight, scrollTop, clientHeight } = this.box
    this.isFollowing = this.after === 0 && scrollHeight - scrollTop - clientHeight < AT_END
    if (this.isFollowing) this.fresh = 0
    this.listener.onMove()
    void this.fill()
  }

  /** After any change: the end stays in view while it is followed, and the ends of what is loaded stay out of it. */
  private settle(): void {
    if (this.isFollowing) this.box.scrollTop = this.box.scrollHeight
    this.listener.onMove()
    this.separators()
    void this.fill()
  }

  private separators(): void {
    if (this.total === null) return
    this.box.classList.toggle('many', this.total >= 100_000)
    for (const [id, n, word] of [
      ['log-before', this.before, 'earlier line'],
      ['log-after', this.after, 'later line'],
    ] as const) {
      const element = document.getElementById(id)
      if (element === null) continue
      element.hidden = n === 0
      element.textContent = plural(n, word)
    }
  }

  private async fill(): Promise<void> {
    if (this.held !== null || this.total === null) return
    const { scrollHeight, scrollTop, clientHeight } = this.box
    const first = this.rows.first
    const last = this.rows.last
    if (this.before > 0 && first !== null && scrollTop < NEAR) await this.load(first, 'first')
    else if (this.after > 0 && last !== null && scrollHeight - scrollTop - clientHeight < NEAR)
      await this.load(last + 1, 'last')
  }

  private async load(line: number, end: 'first' | 'last'): Promise<void> {
    await this.hold(async () => {
      const count = end === 'first' ? { before: MORE, from: 0 } : { before: 0, from: MORE }
      const window = await this.data.window({ ...this.wanted, line, ...count })
      this.keepPlace(() => {
        const rows =
          end === 'first'
            ? this.rows.prepend(window.lines, window.groups)
            : this.rows.append(window.lines, window.groups)
        const gone = this.rows.trim(end === 'first' ? 'last' : 'first')
        if (end === 'first') {
          this.before = window.before
          this.after += gone
        } else {
          this.before += gone
          this.after = window.after
          this.seen = window.total
        }
        this.listener.onRows(rows)
      })
    })
  }

  /** What is in view stays where it is while rows come and go above it. */
  private keepPlace(body: () => void): void {
    const top = this.box.getBoundingClientRect().top
    const anchor = this.rows.elements.find((row) => row.getBoundingClientRect().bottom > top + 1)
    const was = anchor?.getBoundingClientRect().top ?? 0
    body()
    if (anchor?.isConnected === true) this.box.scrollTop += anchor.getBoundingClientRect().top - was
  }
}
