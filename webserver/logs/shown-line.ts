// A stored line as people read it. What is drawn, what is found and what is counted as a group's mark all come from here.

import { clockSeconds } from '../../core/times.ts'
import { exceptionText } from './exception-text.ts'
import type { LogLine } from './log-file.ts'
import { plainText } from './shown/ansi.ts'
import type { ShownLine } from './shown/line.ts'
import { logText } from './shown/text.ts'

/** Characters of one line, and of its exception, that a page shows: 400 lines of this are still a page. */
const SHOWN = 16 * 1024

const GROUP = '::group::'
const END_GROUP = '::endgroup::'

/** A group's mark stands at the beginning of a line, as in GitHub's and Airflow's logs. */
export function markOf(event: string): 'group' | 'end' | null {
  if (!event.includes('group::')) return null
  const text = plainText(event).trimStart()
  if (text.startsWith(GROUP)) return 'group'
  return text.startsWith(END_GROUP) ? 'end' : null
}

/** As pages show it: a progress bar's returns are new lines, and NUL is visible. */
const visible = (text: string): string =>
  text.replace(/\r+$/, '').replace(/\r\n?/g, '\n').replaceAll('\u0000', '\uFFFD')

/** The line's sentence with its fields; a group's title alone; nothing for its end. May hold colours. */
function shownText(line: LogLine): string {
  switch (markOf(line.event)) {
    case 'group':
      return visible(plainText(line.event).trimStart().slice(GROUP.length))
    case 'end':
      return ''
    case null:
      return visible(logText(line.event, line['fields']))
  }
}

const shownTrace = (line: LogLine): string | null => {
  const text = exceptionText(line)
  return text === null ? null : visible(plainText(text))
}

/** What the search looks through: the text of the line without colours, and its exception. */
export function searchText(line: LogLine): string {
  const trace = shownTrace(line)
  const text = plainText(shownText(line))
  return trace === null ? text : `${text}\n${trace}`
}

/** `12:01:05.123` in the DAG's zone; lines without a time have none. */
function lineClock(timestamp: string, zone: string): string {
  const at = Date.parse(timestamp)
  return Number.isNaN(at) ? '' : `${clockSeconds(at, zone)}.${String(at % 1000).padStart(3, '0')}`
}

export function shownLine(line: LogLine, n: number | null, zone: string): ShownLine {
  const text = shownText(line)
  const trace = shownTrace(line)
  const mark = markOf(line.event)
  const cut = Math.max(0, text.length - SHOWN) + Math.max(0, (trace?.length ?? 0) - SHOWN)
  return {
    n,
    clock: lineClock(line.timestamp, zone),
    level: line.level,
    text: text.slice(0, SHOWN),
    ...(trace !== null && { trace: trace.slice(0, SHOWN) }),
    ...(cut > 0 && { cut }),
    ...(mark !== null && { mark }),
  }
}
