// The rows of the loaded part of a log, in their order: adding at either end, dropping what is too much, groups as folds.

import type { Level, LogGroup, ShownLine } from '../../../../logs/shown/line.ts'
import { groupFold, isGroupOpen, lineRow } from '../../../../logs/shown/rows.ts'
import { toElement } from './piece-dom.ts'

/** Lines that a page holds; more make scrolling slow. */
export const MOST_ROWS = 2000

interface Row {
  readonly n: number
  readonly element: HTMLElement
}

type End = 'first' | 'last'

const foldOf = (row: Element | undefined): HTMLDetailsElement | null =>
  row?.closest<HTMLDetailsElement>('details.g') ?? null

export class LogRows {
  private readonly box: HTMLElement
  private rows: Row[]

  /** Takes over what the server has drawn. */
  constructor(box: HTMLElement) {
    this.box = box
    this.rows = [...box.querySelectorAll<HTMLElement>('.l[id]:not([data-out])')].map((element) => ({
      n: Number(element.id.slice(1)),
      element,
    }))
  }

  get first(): number | null {
    return this.rows[0]?.n ?? null
  }

  get last(): number | null {
    return this.rows.at(-1)?.n ?? null
  }

  get elements(): readonly HTMLElement[] {
    return this.rows.map(({ element }) => element)
  }

  /** The row of a line; of a line that is not drawn (the end of a group, a hidden level) the one before it. */
  find(n: number): HTMLElement | null {
    if (this.first === null || n < this.first || n > (this.last ?? 0)) return null
    return this.rows.findLast((row) => row.n <= n && !row.element.hidden)?.element ?? null
  }

  /** Hides the loaded lines of other levels at once; the part that has what they make room for is on its way. */
  hideOthers(levels: ReadonlySet<Level> | null): void {
    for (const { element } of this.rows)
      if (levels?.has((element.dataset['level'] ?? 'info') as Level) === false) element.hidden = true
  }

  clear(): void {
    this.rows = []
    this.box.replaceChildren()
  }

  append(lines: readonly ShownLine[], groups: readonly LogGroup[]): HTMLElement[] {
    return this.add(lines, groups, 'last')
  }

  prepend(lines: readonly ShownLine[], groups: readonly LogGroup[]): HTMLElement[] {
    return this.add(lines, groups, 'first')
  }

  private add(lines: readonly ShownLine[], groups: readonly LogGroup[], end: End): HTMLElement[] {
    const byStart = new Map(groups.map((group) => [group.start, group]))
    const first = lines[0]?.n ?? 0
    const last = lines.at(-1)?.n ?? 0
    const ordered = end === 'first' ? lines.toReversed() : lines
    const made: Row[] = []
    for (const line of ordered) {
      const group = line.group === undefined ? undefined : byStart.get(line.group)
      const element = group === undefined ? this.place(line, end) : this.placeInGroup(line, group, end, first, last)
      if (line.n !== null) made.push({ n: line.n, element })
    }
    this.rows = end === 'first' ? [...made.toReversed(), ...this.rows] : [...this.rows, ...made]
    return made.map(({ element }) => element)
  }

  private put(element: Element, end: End): void {
    if (end === 'first') this.box.prepend(element)
    else this.box.append(element)
  }

  private place(line: ShownLine, end: End): HTMLElement {
    const element = toElement(lineRow(line))
    this.put(element, end)
    return element
  }

  private placeInGroup(line: ShownLine, group: LogGroup, end: End, first: number, last: number): HTMLElement {
    const isHead = line.n === group.start
    const edge = end === 'first' ? this.box.firstElementChild : this.box.lastElementChild
    const known = edge instanceof HTMLDetailsElement && edge.dataset['start'] === String(group.start) ? edge : null
    if (isHead) {
      const fold = toElement(groupFold(group, line, known?.open ?? isGroupOpen(group, first, last)))
      if (known === null) this.put(fold, end)
      // Its title stood in its place.
      else known.firstElementChild?.replaceWith(fold.firstElementChild ?? '')
      return (known ?? fold).querySelector<HTMLElement>('.l') ?? fold
    }
    const fold = known ?? toElement(groupFold(group, null, isGroupOpen(group, first, last)))
    if (known === null) this.put(fold, end)
    const element = toElement(lineRow(line))
    if (end === 'first') fold.firstElementChild?.after(element)
    else fold.append(element)
    return element
  }

  /** Drops rows at one end; a fold goes with the last of its rows. Returns how many went. */
  trim(end: End): number {
    const surplus = this.rows.length - MOST_ROWS
    if (surplus <= 0) return 0
    const gone = end === 'first' ? this.rows.slice(0, surplus) : this.rows.slice(-surplus)
    this.rows = end === 'first' ? this.rows.slice(surplus) : this.rows.slice(0, -surplus)
    for (const { element } of gone) {
      const fold = foldOf(element)
      if (element.parentElement?.tagName === 'SUMMARY') element.setAttribute('data-out', '')
      else element.remove()
      if (fold !== null && fold.childElementCount === 1 && fold.querySelector('.l:not([data-out])') === null)
        fold.remove()
    }
    return surplus
  }

  /** A line that arrived in a group: an error opens it. */
  noteLevel(row: HTMLElement, level: Level): void {
    const fold = level === 'error' ? foldOf(row) : null
    if (fold !== null) fold.open = true
  }
}
