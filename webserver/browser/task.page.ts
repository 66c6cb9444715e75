// A task's log: new lines as they are written, finding, levels, wrapping, following.

import { logText } from '../shared/log/text.ts'
import { connect, type LogLine } from './live.ts'

const log = document.getElementById('log')
const MOST_LINES = 20_000

let isFollowing = true
let fresh = 0
let count = 0

const CLASSES: Readonly<Record<string, string>> = { error: ' e', warning: ' w', debug: ' d' }

function clockOf(timestamp: string, zone: string): string {
  const at = Date.parse(timestamp)
  if (Number.isNaN(at)) return ''
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  })
  return `${format.format(at)}.${String(at % 1000).padStart(3, '0')}`
}

function lineElement(line: LogLine, n: number, zone: string): HTMLElement {
  const row = document.createElement('div')
  row.className = `l${CLASSES[line.level] ?? ''}`
  row.id = `L${n}`
  row.dataset['level'] = line.level
  const number = document.createElement('a')
  number.href = `#L${n}`
  number.textContent = String(n)
  const time = document.createElement('time')
  time.textContent = clockOf(line.timestamp, zone)
  const level = document.createElement('b')
  level.textContent = line.level
  const text = document.createElement('span')
  text.textContent = logText(line.event, line.fields)
  row.append(number, time, level, text)
  return row
}

function countLevel(level: string): void {
  const number = document.querySelector(`[data-level="${CSS.escape(level)}"].chip b`)
  if (number !== null) number.textContent = String(Number(number.textContent) + 1)
}

function showFresh(): void {
  const button = document.getElementById('new-lines')
  if (button === null) return
  button.hidden = fresh === 0 || isFollowing
  const label = button.querySelector('span')
  if (label !== null) label.textContent = `${fresh} new ${fresh === 1 ? 'line' : 'lines'}`
}

function append(box: HTMLElement, lines: readonly LogLine[]): void {
  document.getElementById('log-empty')?.remove()
  const zone = box.dataset['zone'] ?? 'UTC'
  const rows = lines.map((line) => {
    count++
    countLevel(line.level)
    return lineElement(line, count, zone)
  })
  box.append(...rows)
  while (box.childElementCount > MOST_LINES) box.firstElementChild?.remove()
  if (isFollowing) box.scrollTop = box.scrollHeight
  else fresh += lines.length
  showFresh()
  if (findText() !== '') mark()
}

const findInput = document.querySelector<HTMLInputElement>('#find')
const findText = (): string => findInput?.value ?? ''
let current = 0

function unmark(box: HTMLElement): void {
  for (const found of box.querySelectorAll('mark')) {
    const parent = found.parentNode
    found.replaceWith(found.textContent)
    parent?.normalize()
  }
}

/** Marks every hit as text: the log's content never becomes markup. */
function markLine(span: Element, find: string): void {
  const text = span.textContent
  const lower = text.toLowerCase()
  let at = lower.indexOf(find)
  if (at === -1) return
  const parts: (string | HTMLElement)[] = []
  let from = 0
  while (at !== -1) {
    const hit = document.createElement('mark')
    hit.textContent = text.slice(at, at + find.length)
    parts.push(text.slice(from, at), hit)
    from = at + find.length
    at = lower.indexOf(find, from)
  }
  parts.push(text.slice(from))
  span.replaceChildren(...parts)
}

function mark(): void {
  if (log === null) return
  unmark(log)
  const find = findText().toLowerCase()
  if (find !== '') for (const span of log.querySelectorAll('.l > span')) markLine(span, find)
  current = 0
  step(0)
}

function step(by: number): void {
  if (log === null) return
  const marks = [...log.querySelectorAll('mark')]
  const label = document.getElementById('hits')
  if (marks.length === 0) {
    if (label !== null) label.textContent = findText() === '' ? '' : 'none'
    return
  }
  marks[current]?.classList.remove('now')
  current = (current + by + marks.length) % marks.length
  const now = marks[current]
  now?.classList.add('now')
  if (by !== 0 || !isFollowing) now?.scrollIntoView({ block: 'center' })
  if (label !== null) label.textContent = `${current + 1} / ${marks.length}`
}

function watchControls(box: HTMLElement): void {
  box.addEventListener('scroll', () => {
    isFollowing = box.scrollHeight - box.scrollTop - box.clientHeight < 24
    if (isFollowing) fresh = 0
    showFresh()
  })
  document.getElementById('new-lines')?.addEventListener('click', () => {
    isFollowing = true
    fresh = 0
    box.scrollTop = box.scrollHeight
    showFresh()
  })
  findInput?.addEventListener('input', mark)
  findInput?.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') step(event.shiftKey ? -1 : 1)
  })
  document.getElementById('find-up')?.addEventListener('click', () => step(-1))
  document.getElementById('find-down')?.addEventListener('click', () => step(1))
  const wrap = document.getElementById('wrap')
  const toggleWrap = () => {
    const isWrapping = box.classList.toggle('wrapping')
    wrap?.setAttribute('aria-pressed', String(isWrapping))
  }
  wrap?.addEventListener('click', toggleWrap)
  for (const chip of document.querySelectorAll<HTMLElement>('.lev .chip'))
    chip.addEventListener('click', () => {
      const isHidden = box.classList.toggle(`hide-${chip.dataset['level'] ?? ''}`)
      chip.setAttribute('aria-pressed', String(!isHidden))
    })
  document.addEventListener('keydown', (event) => {
    if (event.target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return
    if (event.metaKey || event.ctrlKey || event.altKey) return
    if (event.key === 'w') toggleWrap()
    else if (event.key === 'n') step(1)
    else if (event.key === 'N') step(-1)
    else if (event.key === 'e') box.querySelector('.l.e')?.scrollIntoView({ block: 'center' })
    else if (event.key === 'f') {
      isFollowing = true
      box.scrollTop = box.scrollHeight
    }
  })
}

const { topics } = document.body.dataset
if (log !== null) {
  count = Number(
    log.querySelector('.l:last-of-type > a')?.textContent ??
      log.querySelector('.sep a')?.textContent.match(/\d+/)?.[0] ??
      0,
  )
  watchControls(log)
  if (location.hash === '') log.scrollTop = log.scrollHeight
  const follow = log.dataset['log']
  if (topics !== undefined)
    connect({
      topics,
      ...(follow === undefined ? {} : { log: follow }),
      onLog: (lines) => append(log, lines),
    })
}
