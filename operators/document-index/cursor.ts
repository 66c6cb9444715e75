// Where a page ended, as a text that pages can carry in a link.

import type { Scalar, Sort } from './document-index.ts'
import { DocumentIndexError } from './document-index.ts'

/** Of the page's last document: the values it was sorted by (null: it has none), and its id. */
export interface Cursor {
  readonly values: readonly (Scalar | null)[]
  readonly id: string
}

const shapeOf = (sort: readonly Sort[]) => sort.map(({ field, order = 'asc' }) => `${field} ${order}`).join(',')

export function encodeCursor(sort: readonly Sort[], { values, id }: Cursor): string {
  return Buffer.from(JSON.stringify([shapeOf(sort), values, id])).toString('base64url')
}

/** @throws DocumentIndexError for a text that is not `next` of a page with the same sort */
export function decodeCursor(sort: readonly Sort[], text: string): Cursor {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
    if (Array.isArray(value) && value[0] === shapeOf(sort) && Array.isArray(value[1]) && typeof value[2] === 'string') {
      const values: readonly unknown[] = value[1]
      const isCursor =
        values.length === sort.length && values.every((value) => value === null || typeof value !== 'object')
      if (isCursor) return { values: values as Cursor['values'], id: value[2] }
    }
  } catch {
    // It is no JSON: told below.
  }
  throw new DocumentIndexError('after must be the `next` of a page of the same search, with the same sort')
}
