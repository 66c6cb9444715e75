// Markup that is made in code: elements whose attributes and texts are escaped here, and nowhere else.

import { escapeHtml } from './markup.ts'

/** Markup that `element` and `text` made: other strings are no children. */
export type Html = string & { readonly __html: true }

type Attributes = Readonly<Record<string, string | number | true | null>>

/** Elements of SVG without children close themselves; of HTML only these do not need an end. */
const SHAPES = new Set(['circle', 'line', 'path', 'rect', 'use'])

function attributesOf(attributes: Attributes): string {
  let html = ''
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null) continue
    html += value === true ? ` ${name}` : ` ${name}="${escapeHtml(String(value))}"`
  }
  return html
}

/** Text as markup. */
export const text = (value: string | number): Html => escapeHtml(String(value)) as Html

export const join = (parts: readonly Html[]): Html => parts.join('') as Html

/**
 * `element('rect', { x: 4, class: 'b' })`, `element('title', {}, text(name))`
 * @param attributes `true` is one without a value, null none
 */
export function element(name: string, attributes: Attributes, ...children: readonly Html[]): Html {
  const start = `<${name}${attributesOf(attributes)}`
  if (children.length === 0 && SHAPES.has(name)) return `${start}/>` as Html
  return `${start}>${children.join('')}</${name}>` as Html
}
