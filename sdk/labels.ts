// `label(node, text)`: a word on the edge that `before` or `after` draws to it.

import { insideOf, LABEL, type RefInside } from './nodes.ts'
import type { Node } from './types.ts'

declare const LABELLED: unique symbol

/** A node with a word for the edge to it: stands only inside `before(…)` and `after(…)`. */
export interface LabelledNode {
  readonly [LABELLED]: true
}

interface LabelInside {
  readonly inside: RefInside
  readonly node: Node
  readonly text: string
}

const refuse = (): never => {
  throw new Error('label(…): a label draws no edges itself; write a.before(label(b, "text"))')
}

/**
 * Names the edge to `node`: `a.before(label(b, 'big files'))`. Drawing an edge again sets its label, also one that an
 * input drew. Into a group, the label stands on the edges to its tasks.
 * @throws Error for a blank text, or something that is no node
 */
export function label(node: Node, text: string): LabelledNode {
  if (typeof text !== 'string' || text.trim() === '') throw new Error('label(node, text): the text must not be blank')
  const inside = insideOf(node)
  if (inside === null) throw new Error('label(node, text): expected a task, a group or a decision')
  const made = { before: refuse, after: refuse }
  const carried: LabelInside = { inside, node, text }
  Object.defineProperty(made, LABEL, { value: carried, enumerable: false })
  // The brand is for the compiler alone; inside stands the symbol above.
  return Object.freeze(made) as unknown as LabelledNode
}

/** The node of an edge's end, and its label. */
export function openLabel(value: unknown): { readonly node: unknown; readonly text: string | null } {
  if (typeof value !== 'object' || value === null || !(LABEL in value)) return { node: value, text: null }
  // Only `label` sets this symbol.
  const { node, text } = (value as { [LABEL]: LabelInside })[LABEL]
  return { node, text }
}
