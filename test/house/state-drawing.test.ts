// The drawing of the states in docs/architecture.md is made from the tables that the engine obeys.

import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { MOVES, RUN_MOVES } from '../../core/states.ts'
import { drawMoves } from './state-drawing.ts'

const read = (name: string) => readFileSync(new URL(`../../docs/${name}.md`, import.meta.url), 'utf8')
const text = read('architecture')

/** States that a cell of a table names, each once, in the order of the alphabet. */
const statesIn = (cell: string): string[] =>
  [...new Set(cell.match(/\w+/g))].filter((word) => Object.hasOwn(MOVES, word)).sort()

it('a drawing has a line for each state, with its targets in the order of the table', () => {
  expect(drawMoves({ Door: { open: ['shut'], shut: ['open', 'locked'], locked: ['shut'] } })).toBe(
    '```\nDoor\n  open   → shut\n  shut   → open · locked\n  locked → shut\n```',
  )
})

it('docs/architecture.md draws every legal move of task instances and runs, and no other', () => {
  const found = /<!-- moves: [^>]*-->\n([\s\S]*?)\n?<!-- \/moves -->/.exec(text)?.[1]
  expect(found, 'core/states.ts has changed: put the expected text between the two markers').toBe(
    drawMoves({ 'Task instance': MOVES, Run: RUN_MOVES }),
  )
})

it('docs/reliability.md says who makes each legal move, and names no other', () => {
  const section = /## Legal moves\n([\s\S]*?)\n## /.exec(read('reliability'))?.[1] ?? ''
  const rows = [...section.matchAll(/^\| (.+?) \| (.+) \|$/gm)].flatMap(([, from = '', to = '']) =>
    statesIn(from).map((state) => [state, statesIn(to)]),
  )
  expect(Object.fromEntries(rows)).toEqual(
    Object.fromEntries(Object.entries(MOVES).map(([from, to]) => [from, [...to].sort()])),
  )
})
