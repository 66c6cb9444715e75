// The one drawing of a state: a 14 px cell whose form says whether it ran and whose mark says which. Used by the server
// for pages and by the browser for live changes, so that both draw the same.

export const STATE_NAMES = {
  success: 'Success',
  running: 'Running',
  failed: 'Failed',
  upstream_failed: 'Upstream failed',
  skipped: 'Skipped',
  up_for_retry: 'Up for retry',
  up_for_reschedule: 'Up for reschedule',
  queued: 'Queued',
  scheduled: 'Scheduled',
  deferred: 'Deferred',
  awaiting_input: 'Awaiting input',
  removed: 'Removed',
  restarting: 'Restarting',
  none: 'No state yet',
} as const

export type CellState = keyof typeof STATE_NAMES

export const isCellState = (text: string): text is CellState => Object.hasOwn(STATE_NAMES, text)

/** A database state (null = none yet) as a cell's. */
export const cellState = (state: string | null): CellState => (state !== null && isCellState(state) ? state : 'none')

/** Marks, drawn in a 14 px cell. */
export const MARKS: Readonly<Record<CellState, string>> = {
  success: 'M4 7.2 6.2 9.4 10 5',
  failed: 'M4.6 4.6l4.8 4.8M9.4 4.6 4.6 9.4',
  running: 'M5.6 4.6 9.6 7 5.6 9.4z',
  upstream_failed: 'M7 10V4.6M4.7 6.7 7 4.4l2.3 2.3',
  skipped: 'M4 4.8 6.2 7 4 9.2M7.6 4.8 9.8 7 7.6 9.2',
  up_for_retry: 'M4.4 7.8A2.8 2.8 0 1 0 5.3 4.9M4.3 3.4v2.2h2.2',
  up_for_reschedule: 'M7 4v3l2.2 1.5',
  deferred: 'M5.4 4.6v4.8M8.6 4.6v4.8',
  awaiting_input: 'M5.3 5.4c0-2.2 3.4-2.1 3.4 0C8.7 6.7 7 6.6 7 7.9M7 10v.01',
  restarting: 'M7 3.6V6.4M4.9 5a3 3 0 1 0 4.2 0',
  queued: 'M4.4 5h5.2M4.4 7h5.2M4.4 9h3',
  scheduled: 'M7 7h.01',
  none: '',
  removed: 'M4.4 9.6l5.2-5.2',
}

export const BOX = 'M2.75 1.5h8.5q1.25 0 1.25 1.25v8.5q0 1.25-1.25 1.25h-8.5q-1.25 0-1.25-1.25v-8.5q0-1.25 1.25-1.25z'

/** One letter a cell in the page's matrix; `.` = the task had no instance in that run. */
const LETTERS: Readonly<Record<CellState, string>> = {
  success: 's',
  failed: 'f',
  upstream_failed: 'u',
  skipped: 'k',
  running: 'r',
  up_for_retry: 'y',
  up_for_reschedule: 'p',
  queued: 'q',
  scheduled: 'c',
  deferred: 'd',
  awaiting_input: 'a',
  removed: 'x',
  restarting: 'e',
  none: 'n',
}
const STATES = new Map(Object.entries(LETTERS).map(([state, letter]) => [letter, state]))

export const letterOf = (state: string | null): string => LETTERS[cellState(state)]
export const stateOf = (letter: string): CellState | null => {
  const state = STATES.get(letter)
  return state !== undefined && isCellState(state) ? state : null
}

/** The state that speaks for several: what a person must look at first. */
const WORST = 'feyadprqcunksx.'

/** Orders letters by what a person must look at first. */
export const worstFirst = (a: string, b: string): number => WORST.indexOf(a) - WORST.indexOf(b)

export function worstLetter(letters: Iterable<string>): string {
  let worst = '.'
  for (const letter of letters) if (WORST.indexOf(letter) < WORST.indexOf(worst)) worst = letter
  return worst
}
