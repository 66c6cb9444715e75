// The exception of a log line as rows: what was thrown, the author's own frames, the whole stack folded, its causes.

export interface TraceRow {
  readonly kind: 'thrown' | 'text' | 'own' | 'other'
  readonly text: string
}

export interface TraceFold {
  readonly kind: 'stack'
  readonly rows: readonly TraceRow[]
}

export type TraceItem = TraceRow | TraceFold

/** More rows than these are folded. */
export const SHOWN_ROWS = 20

const FRAME = /^\s+at \S/
const BEGINS = /^(?:Caused by|Error \d+ of \d+): /

/** Frames of Node, of packages and of Baram itself; what is left was written by the DAG's author. */
const NOT_OWN = [
  /\(?node:/,
  /[/\\]node_modules[/\\]/,
  /[/\\]dist[/\\](?:child|cli|core|engine|facade|operators|pipelines|runtime|sdk|store|testing|worker)[/\\]/,
]

/** Whether a frame is in code of the DAG's author. Frames without a file (`<anonymous>`, `Promise.all (index 0)`) are nobody's. */
const isOwn = (frame: string): boolean => /:\d+\)?$/.test(frame) && !NOT_OWN.some((pattern) => pattern.test(frame))

const row = (text: string, isFirst: boolean): TraceRow => {
  if (!isFirst && FRAME.test(text)) return { kind: isOwn(text) ? 'own' : 'other', text: text.trim() }
  return { kind: isFirst || BEGINS.test(text) ? 'thrown' : 'text', text }
}

/** One error's frames: the author's first; the whole stack in its order behind a fold, unless it says nothing more. */
function frames(stack: readonly TraceRow[]): TraceItem[] {
  const own = stack.filter(({ kind }) => kind === 'own')
  if (own.length === stack.length) return own
  return [...own, { kind: 'stack', rows: stack }]
}

/** An exception's text (`stack`, then "Caused by: …" for each cause, "Error 1 of 2: …" for each part) as rows. */
export function traceItems(text: string): TraceItem[] {
  const items: TraceItem[] = []
  let stack: TraceRow[] = []
  for (const [i, line] of text.split('\n').entries()) {
    const made = row(line, i === 0)
    if (made.kind === 'own' || made.kind === 'other') {
      stack.push(made)
      continue
    }
    items.push(...frames(stack), made)
    stack = []
  }
  return [...items, ...frames(stack)]
}
