// Two texts line by line: what went, what came, with a few lines around.

import { createRequire } from 'node:module'
import type * as Diff from 'diff'

const require = createRequire(import.meta.url)

export type DiffKind = 'same' | 'added' | 'removed'

export interface DiffLine {
  readonly kind: DiffKind
  readonly text: string
  /** Line numbers in the older and the newer text; null where it has no such line. */
  readonly before: number | null
  readonly after: number | null
}

/** A stretch of lines that belong together; what lies between two is the same in both and left out. */
export interface DiffHunk {
  /** Lines left out before it. */
  readonly skipped: number
  readonly lines: readonly DiffLine[]
}

/** Lines shown around a change. */
const AROUND = 3

const linesOf = (text: string): string[] => text.replace(/\n$/, '').split('\n')

/** Every line of both texts, in order. */
function allLines(before: string, after: string): DiffLine[] {
  // Loaded when somebody compares: 5 MB of a webserver.
  const { diffLines } = require('diff') as typeof Diff
  let [b, a] = [0, 0]
  return diffLines(before, after).flatMap(({ value, added, removed }): DiffLine[] =>
    linesOf(value).map((text) => {
      if (added) return { kind: 'added', text, before: null, after: ++a }
      if (removed) return { kind: 'removed', text, before: ++b, after: null }
      return { kind: 'same', text, before: ++b, after: ++a }
    }),
  )
}

/** Empty when the texts are the same. */
export function diffTexts(before: string, after: string): readonly DiffHunk[] {
  if (before === after) return []
  const lines = allLines(before, after)
  const isNear = lines.map((_, i) =>
    lines.slice(Math.max(0, i - AROUND), i + AROUND + 1).some((line) => line.kind !== 'same'),
  )
  const hunks: { skipped: number; lines: DiffLine[] }[] = []
  let skipped = 0
  for (const [i, line] of lines.entries()) {
    if (isNear[i] !== true) {
      skipped++
      continue
    }
    const last = hunks.at(-1)
    if (skipped > 0 || last === undefined) hunks.push({ skipped, lines: [line] })
    else last.lines.push(line)
    skipped = 0
  }
  return hunks
}
