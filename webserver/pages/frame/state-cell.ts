// A state as its cell, for pages.

import { BOX, type CellState, cellState, MARKS } from '../../states/cells.ts'
import { element, type Html, join } from './element.ts'

/** A cell's shape and mark, 14 px wide. */
export const cellShapes = (state: CellState): Html =>
  join([
    element('path', { class: `b f-${state}`, d: BOX }),
    element('path', { class: `m m-${state}`, d: MARKS[state], 'stroke-width': state === 'scheduled' ? 3 : null }),
  ])

export function cellMarkup(state: string | null): Html {
  const shapes = cellShapes(cellState(state))
  return element('svg', { class: 'cell', viewBox: '0 0 14 14', 'aria-hidden': 'true' }, shapes)
}
