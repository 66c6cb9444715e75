// What a masked copy of a JSON value hides: the texts that stand where it reads `***`.

import type { JsonValue } from './json.ts'
import { MASK } from './masker.ts'

function hiddenIn(shown: string, real: string): string[] {
  const pieces = shown.split(MASK).map((piece) => piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  const found = new RegExp(`^${pieces.join('([\\s\\S]*?)')}$`).exec(real)
  return found === null ? [real] : found.slice(1)
}

/** Texts and numbers of `real` that `shown`, a masked copy of it, hides; whole values where only a name hid them. */
export function maskedParts(shown: JsonValue | undefined, real: JsonValue): string[] {
  if (typeof real === 'string') return shown === real ? [] : hiddenIn(typeof shown === 'string' ? shown : MASK, real)
  if (typeof real === 'number') return shown === real ? [] : [String(real)]
  if (typeof real !== 'object' || real === null) return []
  const inner = new Map<string, JsonValue>(typeof shown === 'object' && shown !== null ? Object.entries(shown) : [])
  return Object.entries(real).flatMap(([key, value]: [string, JsonValue]) => maskedParts(inner.get(key) ?? MASK, value))
}
