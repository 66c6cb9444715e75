// Pieces as elements: text becomes text nodes, so that nothing a log holds is ever markup.

import type { Piece, Tag } from '../../../../logs/shown/piece.ts'

export function toElement({ tag, attrs, children }: Tag): HTMLElement {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attrs))
    if (value !== null) element.setAttribute(name, value === true ? '' : value)
  element.append(...children.map(toNode))
  return element
}

const toNode = (piece: Piece): Node | string => (typeof piece === 'string' ? piece : toElement(piece))
