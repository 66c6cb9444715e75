// Pieces as HTML: all text and every attribute is escaped here.

import type { Piece } from '../../../logs/shown/piece.ts'
import { escapeHtml } from '../../frame/markup.ts'

function attributes(attrs: Readonly<Record<string, string | true | null>>): string {
  let html = ''
  for (const [name, value] of Object.entries(attrs)) {
    if (value === null) continue
    html += value === true ? ` ${name}` : ` ${name}="${escapeHtml(value)}"`
  }
  return html
}

export function toHtml(piece: Piece): string {
  if (typeof piece === 'string') return escapeHtml(piece)
  return `<${piece.tag}${attributes(piece.attrs)}>${piece.children.map(toHtml).join('')}</${piece.tag}>`
}
