// Template fields of a try as they were rendered.

import { maskByName } from '../../../../core/masker.ts'
import type { InstanceListRow } from '../../../../store/postgres/read-task-instances.ts'
import { charactersText, prettyJson } from '../json-text.ts'

/** Of each field; the API gives the whole. */
const RENDERED_CHARACTERS = 50_000

/** Template fields as they were rendered; texts that are JSON are laid out for reading too. */
export function renderedView(ti: InstanceListRow) {
  return Object.entries(ti.renderedFields).map(([key, value]) => {
    const shown: unknown = Reflect.get(Object(maskByName({ [key]: value })), key)
    const text =
      typeof shown === 'string' ? (/^\s*[[{]/.test(shown) ? prettyJson(shown) : shown) : JSON.stringify(shown, null, 2)
    return {
      key,
      text: text.slice(0, RENDERED_CHARACTERS),
      length: charactersText(text.length),
      isCut: text.length > RENDERED_CHARACTERS,
    }
  })
}
