// The page's one stream. A hidden page closes it and catches up on return; a lost one shows in the live dot.

import type { ShownLine } from '../../../logs/shown/line.ts'
import { lastRefreshMs, refresh } from './regions.ts'

export interface RunEvent {
  readonly kind: 'run'
  readonly id: number
  readonly dag: string
  readonly run: string
  readonly state: string
  readonly start: number | null
  readonly end: number | null
  /** `[task_id, tally]` */
  readonly changed: readonly (readonly [string, string])[]
}

export interface LiveOptions {
  readonly topics: string
  /** A log's address, and the byte from which on its lines are wanted. */
  readonly log?: { readonly address: string; readonly from: number }
  onRun?(event: RunEvent): void
  /** `end`: the byte behind the last of them. */
  onLog?(lines: readonly ShownLine[], end: number): void
  onLogEnd?(): void
}

/** Small changes are drawn at once; the sentences around them follow, at most this often. */
const REFRESH_MS = 250
/** A page that takes long to make is asked for more rarely. */
const REST = 4

let timer: number | null = null

export function refreshSoon(): void {
  if (timer !== null) return
  timer = window.setTimeout(
    () => {
      timer = null
      void refresh()
    },
    Math.max(REFRESH_MS, lastRefreshMs() * REST),
  )
}

function showState(isLive: boolean): void {
  const dot = document.getElementById('live')
  if (dot === null) return
  dot.classList.toggle('off', !isLive)
  const word = dot.querySelector('b')
  const text = isLive ? 'Live' : `Reconnecting, as of ${new Date().toLocaleTimeString('en-GB')}`
  if (word !== null && word.textContent !== text) word.textContent = text
}

const parse = <T>(event: Event): T | null =>
  // Our own server's events, of the shapes named where they are read.
  event instanceof MessageEvent && typeof event.data === 'string' ? (JSON.parse(event.data) as T) : null

export function connect(options: LiveOptions): void {
  let source: EventSource | null = null
  let lastId = ''

  const open = () => {
    const query = new URLSearchParams({ topics: options.topics })
    if (options.log !== undefined) {
      query.set('log', options.log.address)
      query.set('from', String(options.log.from))
    }
    if (lastId !== '') query.set('last', lastId)
    source = new EventSource(`/ui/events?${query.toString()}`)
    const on = (kind: string, handle: (event: Event) => void) =>
      source?.addEventListener(kind, (event) => {
        if (event instanceof MessageEvent) lastId = event.lastEventId
        handle(event)
      })
    source.addEventListener('open', () => showState(true))
    source.addEventListener('error', () => showState(false))
    on('hello', () => undefined)
    on('run', (event) => {
      const run = parse<RunEvent>(event)
      if (run !== null) options.onRun?.(run)
      refreshSoon()
    })
    on('dag', refreshSoon)
    on('refresh', refreshSoon)
    on('log', (event) => {
      const told = parse<{ lines: ShownLine[]; end: number }>(event)
      if (told !== null) options.onLog?.(told.lines, told.end)
    })
    on('log-end', () => {
      options.onLogEnd?.()
      refreshSoon()
    })
  }

  document.addEventListener('visibilitychange', () => {
    if (document.hidden) {
      source?.close()
      source = null
    } else if (source === null) {
      open()
      refreshSoon()
    }
  })
  window.addEventListener('pagehide', () => source?.close())
  open()
}
