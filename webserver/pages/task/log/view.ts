// The log of one try, as its page opens: the end of it at once, or the lines around the one that was asked for. Numbers and
// counts are of the whole log; while a long one is being counted, the page says so and its script asks again.

import type { AttemptLogKey } from '../../../../runtime/attempt-log.ts'
import type { InstanceListRow } from '../../../../store/postgres/read-task-instances.ts'
import { isTryRunning } from '../../../api/logs.ts'
import type { Web } from '../../../deps.ts'
import type { Query } from '../../../http/query.ts'
import type { LineIndex } from '../../../logs/line-index.ts'
import { formatLogAddress } from '../../../logs/log-address.ts'
import { findLog } from '../../../logs/log-file.ts'
import { formatLevels, readLevels, toggleLevel } from '../../../logs/shown/levels.ts'
import { LEVEL_NAMES, LEVELS, type Level, type LogCounts, type LogWindow } from '../../../logs/shown/line.ts'
import { lineRow, windowRows } from '../../../logs/shown/rows.ts'
import { readTail, readWindow } from '../../../logs/window.ts'
import { join } from '../../frame/element.ts'
import { markup } from '../../frame/markup.ts'
import { toHtml } from './piece-html.ts'

/** Lines a page opens with: its last ones, or so many on each side of the one asked for. */
const TAIL_LINES = 500
const AROUND = 200
/** How long a page waits for the count. One line's own page has no other way to find it. */
const COUNT_MS = 200
const LINE_COUNT_MS = 15_000

interface Opened {
  readonly window: LogWindow
  readonly counts: LogCounts | null
  /** Where the stream goes on. */
  readonly next: number
}

const NOTHING: LogWindow = { lines: [], groups: [], before: 0, after: 0, total: 0, openGroup: null }

async function openCounted(
  index: LineIndex,
  path: string,
  line: number | undefined,
  levels: ReadonlySet<Level> | null,
  zone: string,
): Promise<Opened> {
  const wanted =
    line === undefined ? { line: index.total + 1, before: TAIL_LINES, from: 0 } : { line, before: AROUND, from: AROUND }
  const next = index.size
  const counts = index.counts()
  return { window: await readWindow(index, path, { ...wanted, levels }, zone), counts, next }
}

async function openLog(
  web: Web,
  path: string,
  isDone: boolean,
  line: number | undefined,
  levels: ReadonlySet<Level> | null,
  zone: string,
): Promise<Opened | null> {
  const index = await web.logs.within(path, isDone, line === undefined ? COUNT_MS : LINE_COUNT_MS)
  if (index === null) return null
  if (!('progress' in index)) return openCounted(index, path, line, levels, zone)
  const tail = await readTail(path, isDone, TAIL_LINES, zone)
  if (tail === null) return null
  const lines = tail.lines.filter(({ level }) => levels?.has(level) !== false)
  return { window: { ...NOTHING, lines }, counts: null, next: tail.next }
}

/** The chips: how many lines of each level the whole log has, and which are shown. */
const chips = (counts: LogCounts | null, levels: ReadonlySet<Level> | null) =>
  LEVELS.map((level) => ({
    level,
    name: LEVEL_NAMES[level],
    n: counts === null ? '…' : counts.levels[level].toLocaleString('en'),
    isShown: levels?.has(level) ?? true,
    others: formatLevels(toggleLevel(levels, level)) ?? '',
  }))

const plural = (n: number, word: string) => `${n.toLocaleString('en')} ${word}${n === 1 ? '' : 's'}`

type Link = (line: number) => string

/** What leads to the lines before and after those that are shown. */
function partLinks({ lines, before, after }: LogWindow, at: Link) {
  const first = lines[0]?.n ?? null
  const last = lines.at(-1)?.n ?? null
  const earlier = (line: number) => ({ text: plural(before, 'earlier line'), href: at(Math.max(1, line - 1)) })
  const later = (line: number) => ({ text: plural(after, 'later line'), href: at(line + 1) })
  return {
    before: before === 0 || first === null ? null : earlier(first),
    after: after === 0 || last === null ? null : later(last),
  }
}

const firstErrorLink = (n: number | null, at: Link) =>
  n === null ? null : { n: n.toLocaleString('en'), href: `${at(n)}#L${n}` }

/** What the page's script goes on from. */
function stateView({ window, counts, next }: Opened, address: string) {
  return {
    address,
    offset: next,
    total: counts?.total ?? null,
    window: { before: window.before, after: window.after },
    openGroup: window.openGroup,
    isCounting: counts === null,
    // Numbers of six digits and more need a wider column.
    isLong: counts === null || counts.total >= 100_000,
  }
}

/** Before the lines are counted groups are not known: rows alone. */
const rowsOf = ({ window, counts }: Opened) =>
  markup(join((counts === null ? window.lines.map(lineRow) : windowRows(window.lines, window.groups)).map(toHtml)))

/** @param path the page's address with other parameters */
export async function logView(
  web: Web,
  ti: InstanceListRow,
  attempt: AttemptLogKey,
  query: Query,
  path: (more: Record<string, string | number | null>) => string,
) {
  const file = await findLog(web.config.logFolder, attempt)
  const isRunning = isTryRunning(ti, attempt.tryNumber)
  const levels = readLevels(query.text('levels'))
  const line = query.int('line', 1)
  const found = file === null ? null : await openLog(web, file, !isRunning, line, levels, ti.timezone)
  const opened = found ?? { window: NOTHING, counts: EMPTY, next: 0 }
  const { window, counts } = opened
  const address = formatLogAddress(attempt)
  const at: Link = (n) => path({ try: attempt.tryNumber, levels: formatLevels(levels), line: n })
  return {
    ...stateView(opened, address),
    ...partLinks(window, at),
    rows: rowsOf(opened),
    isEmpty: window.lines.length === 0,
    isFiltered: levels !== null && window.total > 0,
    counts: chips(counts, levels),
    firstError: firstErrorLink(counts?.firstError ?? null, at),
    isRunning,
    levels: formatLevels(levels) ?? '',
    find: query.text('find') ?? '',
    download: file === null ? null : `/ui/log/download?log=${encodeURIComponent(address)}`,
  }
}

const EMPTY: LogCounts = { total: 0, levels: { error: 0, warning: 0, info: 0, debug: 0 }, firstError: null }
