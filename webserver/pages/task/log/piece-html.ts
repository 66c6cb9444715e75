// Pieces as HTML.

import type { Piece } from '../../../logs/shown/piece.ts'
import { element, type Html, text } from '../../frame/element.ts'

export const toHtml = (piece: Piece): Html =>
  typeof piece === 'string' ? text(piece) : element(piece.tag, piece.attrs, ...piece.children.map(toHtml))
