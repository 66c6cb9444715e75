// A line of a log as pages get it: from the server's window, or from the stream while the page is open.

export const LEVELS = ['error', 'warning', 'info', 'debug'] as const
export type Level = (typeof LEVELS)[number]
export type LevelCounts = Readonly<Record<Level, number>>

export const LEVEL_NAMES: Readonly<Record<Level, string>> = {
  error: 'ERROR',
  warning: 'WARN',
  info: 'INFO',
  debug: 'DEBUG',
}

export interface ShownLine {
  /** Its number in the file, from 1; null while the lines before it are not counted yet. */
  readonly n: number | null
  /** `12:01:05.123` in the DAG's zone, or ''. */
  readonly clock: string
  readonly level: Level
  /** With colours as escape sequences. */
  readonly text: string
  /** The exception's text. */
  readonly trace?: string
  /** Characters that are not shown: the download has them. */
  readonly cut?: number
  /** What the line begins or ends; a beginning's text is its title. */
  readonly mark?: 'group' | 'end'
  /** The line that began the group it is in; of a beginning, itself. */
  readonly group?: number
}

export interface LogGroup {
  readonly start: number
  /** Its last line; null while nothing has ended it. */
  readonly end: number | null
  readonly title: string
  /** Lines inside it. */
  readonly lines: number
  readonly hasError: boolean
}

/** A part of a log, in the order of its lines. */
export interface LogWindow {
  readonly lines: readonly ShownLine[]
  /** Those that `lines` are in, the whole and the cut ones. */
  readonly groups: readonly LogGroup[]
  /** Lines of the wanted levels before the first and after the last. */
  readonly before: number
  readonly after: number
  /** Lines of the whole log. */
  readonly total: number
  /** The group that is open where the log ends. */
  readonly openGroup: number | null
}

export interface LogCounts {
  readonly total: number
  readonly levels: LevelCounts
  readonly firstError: number | null
}

/** What is answered while the lines are being counted. */
export interface NotCounted {
  readonly isCounting: true
  /** 0 to 1 */
  readonly progress: number
}

export interface LogFound {
  /** Numbers of the lines that hold the text, ascending. */
  readonly hits: readonly number[]
  /** Where the search goes on; null when the whole log was looked through. */
  readonly next: string | null
}
