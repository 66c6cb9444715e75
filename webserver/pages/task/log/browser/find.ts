// Finding in the whole log: the server looks, page after page; hits are lines, and the next one may be one that is not loaded.

import { plainText } from '../../../../logs/shown/ansi.ts'
import { foldCase } from '../../../../logs/shown/find-text.ts'
import { formatLevels } from '../../../../logs/shown/levels.ts'
import type { ShownLine } from '../../../../logs/shown/line.ts'
import type { LogData } from './data.ts'
import { markRows } from './marks.ts'
import type { LogView } from './view.ts'

/** Hits that a page counts; beyond them it says "more than". */
const MOST_HITS = 50_000
/** A pause of the hand before the search begins, ms. */
const PAUSE_MS = 120

export class LogFind {
  text = ''
  private hits: number[] = []
  private current = -1
  private isDone = true
  private hasFailed = false
  private running: AbortController | null = null
  private timer = 0
  private readonly data: LogData
  private readonly view: () => LogView
  private readonly label: HTMLElement | null

  constructor(data: LogData, view: () => LogView, label: HTMLElement | null) {
    this.data = data
    this.view = view
    this.label = label
  }

  /** Looks for a text from the line in view on. */
  look(text: string): void {
    window.clearTimeout(this.timer)
    this.running?.abort()
    if (this.text !== text) markRows(this.view().rows.elements, text)
    this.text = text
    this.hits = []
    this.current = -1
    this.isDone = text === ''
    this.hasFailed = false
    this.tell()
    if (text === '') return
    const running = new AbortController()
    this.running = running
    const from = this.view().topLine
    this.timer = window.setTimeout(
      () => void this.run(running.signal, from).catch(() => this.fail(running.signal)),
      PAUSE_MS,
    )
  }

  private async run(signal: AbortSignal, from: number): Promise<void> {
    const levels = formatLevels(this.view().levels)
    let next: string | null = null
    do {
      const found = await this.data.find(this.text, next, levels, signal)
      this.hits.push(...found.hits)
      next = found.next
      this.isDone = next === null
      const first = this.hits.findIndex((n) => n >= from)
      // Below the line in view; when there is none, the last one above it: logs are opened at their end.
      if (this.current === -1 && (first !== -1 || (this.isDone && this.hits.length > 0)))
        await this.select(first === -1 ? this.hits.length - 1 : first)
      this.tell()
    } while (next !== null && this.hits.length < MOST_HITS && !signal.aborted)
  }

  /** The server did not answer, and not because the reader wrote on. */
  private fail(signal: AbortSignal): void {
    if (signal.aborted) return
    this.hasFailed = true
    this.tell()
  }

  /** The next hit, or the one before. Looks again when the server did not answer. */
  step(by: 1 | -1): void {
    const { length } = this.hits
    if (this.hasFailed) this.look(this.text)
    else if (length > 0) void this.select((this.current + by + length) % length)
  }

  private async select(index: number): Promise<void> {
    const n = this.hits[index]
    if (n === undefined) return
    this.current = index
    this.tell()
    const row = await this.view().show(n)
    for (const mark of document.querySelectorAll('mark.now')) mark.classList.remove('now')
    const mark = row?.querySelector('mark')
    if (mark === null || mark === undefined || this.current !== index) return
    mark.classList.add('now')
    for (let fold = mark.closest('details'); fold !== null; fold = fold.parentElement?.closest('details') ?? null)
      if (row?.contains(fold) === true) fold.open = true
    mark.scrollIntoView({ block: 'center' })
  }

  /** Lines that have been written since. */
  add(lines: readonly ShownLine[]): void {
    if (this.text === '' || !this.isDone) return
    const needle = foldCase(this.text)
    for (const { n, text, trace } of lines)
      if (n !== null && foldCase(`${plainText(text)}\n${trace ?? ''}`).includes(needle)) this.hits.push(n)
    this.tell()
  }

  mark(rows: readonly HTMLElement[]): void {
    if (this.text !== '') markRows(rows, this.text)
  }

  private tell(): void {
    if (this.label === null) return
    const { length } = this.hits
    const more = this.isDone ? '' : '+'
    if (this.text === '') this.label.textContent = ''
    else if (this.hasFailed) this.label.textContent = 'no answer; Enter repeats'
    else if (length === 0) this.label.textContent = this.isDone ? 'none' : '…'
    else
      this.label.textContent = `${(Math.max(0, this.current) + 1).toLocaleString('en')} / ${length.toLocaleString('en')}${more}`
  }
}
