// The drawing of the states in docs/architecture.md is made from the tables that the engine obeys.

import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { MOVES, RUN_MOVES } from '../../core/states.ts'
import { drawMoves } from './state-drawing.ts'

const text = readFileSync(new URL('../../docs/architecture.md', import.meta.url), 'utf8')

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
