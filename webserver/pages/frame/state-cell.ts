// A state as its cell, for pages.

import { BOX, cellState, MARKS } from '../../states/cells.ts'

export function cellMarkup(state: string | null, isQuiet = false): string {
  const name = cellState(state)
  const weight = name === 'scheduled' ? ' stroke-width="3"' : ''
  const mark = isQuiet ? '' : `<path class="m m-${name}" d="${MARKS[name]}"${weight}/>`
  return `<svg class="cell" viewBox="0 0 14 14" aria-hidden="true"><path class="b f-${name}" d="${BOX}"/>${mark}</svg>`
}
