// A task's log: its lines as they are written, finding, levels, permalinks, following, wrapping.

import { formatLevels, toggleLevel } from '../../../logs/shown/levels.ts'
import { LEVELS, type Level, type ShownLine } from '../../../logs/shown/line.ts'
import { connect } from '../../frame/browser/live.ts'
import { LogData } from './browser/data.ts'
import { LogFind } from './browser/find.ts'
import { LogView, plural } from './browser/view.ts'

/** A count that failed is asked for again after this time. */
const AGAIN_MS = 2000

const byId = (id: string): HTMLElement | null => document.getElementById(id)

function start(box: HTMLElement): void {
  const data = new LogData(box.dataset['log'] ?? '', (progress) => {
    const word = box.querySelector('#log-before span')
    if (word !== null) word.textContent = `Counting the lines of this log, ${Math.floor(progress * 100)} %…`
  })
  const find: LogFind = new LogFind(data, () => view, byId('hits'))
  const view: LogView = new LogView(box, data, {
    onRows: (rows) => find.mark(rows),
    onNew(lines) {
      byId('log-empty')?.remove()
      chips.add(lines)
      find.add(lines)
    },
    onMove: () => showFresh(view),
  })
  const chips = new Chips(view)
  watchControls(box, view, find, chips)
  watchLines(view)
  follow(box, view)
  const asked = new URLSearchParams(location.search).get('line')
  if (/^#L\d/.test(location.hash)) void showHash(view)
  else if (asked !== null && view.total !== null) void view.show(Number(asked))
  else box.scrollTop = box.scrollHeight
  if (view.total === null) void countLater(view, chips)
  const input = document.querySelector<HTMLInputElement>('#find')
  if (input !== null && input.value !== '') find.look(input.value)
}

async function countLater(view: LogView, chips: Chips): Promise<void> {
  const counts = await view.count()
  if (counts === null) {
    window.setTimeout(() => void countLater(view, chips), AGAIN_MS)
    return
  }
  chips.set(counts)
  if (location.hash !== '') await showHash(view)
}

/** The counts of the levels, which also show and hide them. */
class Chips {
  private readonly view: LogView
  private readonly counts: Record<Level, number> = { error: 0, warning: 0, info: 0, debug: 0 }
  firstError: number | null = null

  constructor(view: LogView) {
    this.view = view
    for (const [level, chip] of this.all)
      this.counts[level] = Number(chip.querySelector('b')?.textContent.replaceAll(',', '')) || 0
    this.firstError = Number(/#L(\d+)$/.exec(byId('first-error')?.querySelector('a')?.href ?? '')?.[1] ?? 0) || null
  }

  private get all(): [Level, HTMLElement][] {
    return LEVELS.flatMap((level) => {
      const chip = document.querySelector<HTMLElement>(`.lev .chip[data-level="${level}"]`)
      return chip === null ? [] : [[level, chip] as [Level, HTMLElement]]
    })
  }

  set({ levels, firstError }: { levels: Readonly<Record<Level, number>>; firstError: number | null }): void {
    Object.assign(this.counts, levels)
    this.firstError = firstError
    this.draw()
  }

  add(lines: readonly ShownLine[]): void {
    if (this.view.total === null) return
    for (const { level, n } of lines) {
      this.counts[level]++
      if (level === 'error') this.firstError ??= n
    }
    this.draw()
  }

  draw(): void {
    for (const [level, chip] of this.all) {
      const number = chip.querySelector('b')
      if (number !== null) number.textContent = this.counts[level].toLocaleString('en')
      chip.setAttribute('aria-pressed', String(this.view.levels?.has(level) ?? true))
    }
    const place = byId('first-error')
    if (place === null || (this.firstError === null && place.querySelector('a') === null)) {
      place?.replaceChildren()
      return
    }
    const link = document.createElement('a')
    link.href = `#L${this.firstError}`
    link.textContent = `Jump to the first error, line ${this.firstError?.toLocaleString('en')}`
    const key = document.createElement('kbd')
    key.textContent = 'E'
    place.replaceChildren(link, ' ', key)
  }

  async toggle(level: Level): Promise<void> {
    const levels = toggleLevel(this.view.levels, level)
    const url = new URL(location.href)
    url.searchParams.delete('line')
    const text = formatLevels(levels)
    if (text === null) url.searchParams.delete('levels')
    else url.searchParams.set('levels', text)
    history.replaceState(null, '', url)
    const done = this.view.setLevels(levels)
    this.draw()
    await done
  }
}

function showFresh(view: LogView): void {
  const button = byId('new-lines')
  if (button === null) return
  button.hidden = view.fresh === 0 || view.isFollowing
  const label = button.querySelector('span')
  if (label !== null) label.textContent = plural(view.fresh, 'new line')
}

/** `#L31`, or `#L31-L40`. */
async function showHash(view: LogView): Promise<void> {
  const match = /^#L(\d{1,15})(?:-L?(\d{1,15}))?$/.exec(location.hash)
  if (match === null) return
  const from = Number(match[1])
  const to = Number(match[2] ?? match[1])
  await view.show(from)
  for (const row of document.querySelectorAll('.l.sel')) row.classList.remove('sel')
  for (const row of view.rows.elements) {
    const n = Number(row.id.slice(1))
    if (n >= from && n <= to) row.classList.add('sel')
  }
}

function goTo(view: LogView, hash: string): void {
  if (location.hash === hash) void showHash(view)
  else location.hash = hash
}

function watchLines(view: LogView): void {
  window.addEventListener('hashchange', () => void showHash(view))
  document.addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest('a[data-line]') : null
    if (!(link instanceof HTMLAnchorElement) || event.metaKey || event.ctrlKey || event.shiftKey || view.total === null)
      return
    event.preventDefault()
    goTo(view, link.hash)
  })
}

function watchControls(box: HTMLElement, view: LogView, find: LogFind, chips: Chips): void {
  const toEnd = () => void view.showEnd()
  box.addEventListener('scroll', () => view.noteScroll(), { passive: true })
  byId('new-lines')?.addEventListener('click', toEnd)
  const input = document.querySelector<HTMLInputElement>('#find')
  input?.addEventListener('input', () => {
    const url = new URL(location.href)
    if (input.value === '') url.searchParams.delete('find')
    else url.searchParams.set('find', input.value)
    history.replaceState(null, '', url)
    find.look(input.value)
  })
  input?.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') find.step(event.shiftKey ? -1 : 1)
  })
  byId('find-up')?.addEventListener('click', () => find.step(-1))
  byId('find-down')?.addEventListener('click', () => find.step(1))
  const wrap = byId('wrap')
  const toggleWrap = () => wrap?.setAttribute('aria-pressed', String(box.classList.toggle('wrapping')))
  wrap?.addEventListener('click', toggleWrap)
  document.querySelector('form.lev')?.addEventListener('submit', (event) => {
    if (!(event instanceof SubmitEvent) || view.total === null) return
    event.preventDefault()
    const level = LEVELS.find((name) => name === event.submitter?.dataset['level'])
    if (level !== undefined) void chips.toggle(level).then(() => find.look(find.text))
  })
  const keys: Readonly<Record<string, () => void>> = {
    w: toggleWrap,
    n: () => find.step(1),
    N: () => find.step(-1),
    f: toEnd,
    e: () => {
      if (chips.firstError !== null) goTo(view, `#L${chips.firstError}`)
    },
  }
  document.addEventListener('keydown', (event) => {
    if (event.target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return
    if (!event.metaKey && !event.ctrlKey && !event.altKey) keys[event.key]?.()
  })
}

function follow(box: HTMLElement, view: LogView): void {
  const { topics } = document.body.dataset
  const { log: address, offset } = box.dataset
  if (topics === undefined || address === undefined) return
  connect({
    topics,
    log: { address, from: Number(offset ?? 0) },
    onLog: (lines, end) => view.take(lines, end),
  })
}

const box = byId('log')
if (box !== null) start(box)
