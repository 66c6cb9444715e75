// One answer of apis.data.go.kr as a value: of the service or of the gateway before it, as JSON or as XML, whichever was asked for.

import { type JsonObject, type JsonValue, parseExactJson } from '../../sdk/index.ts'
import { codeOf, countOf } from './codes.ts'

/** A row: names and values are the service's own. XML has texts alone. */
export type OpenDataItem = Readonly<Record<string, JsonValue>>

export interface OpenDataAnswer {
  /** Two digits; `00` is success. */
  readonly code: string
  readonly message: string
  readonly items: readonly OpenDataItem[]
  /** Null where the answer does not tell. */
  readonly totalCount: number | null
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const objectAt = (value: JsonValue | undefined, name: string): JsonObject | null => {
  const found = isObject(value) ? value[name] : undefined
  return isObject(found) ? found : null
}

const textOf = (value: JsonValue | undefined): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value).trim() : ''

/** `items` is an object with `item`, a list, or of an empty answer anything; `item` is a list, or one object. */
function itemsOf(body: JsonObject | null): readonly OpenDataItem[] {
  const items = body?.['items']
  const rows = isObject(items) ? items['item'] : items
  return (Array.isArray(rows) ? (rows as readonly JsonValue[]) : [rows]).filter(isObject)
}

function readJson(value: JsonValue): OpenDataAnswer | null {
  const gateway = objectAt(objectAt(value, 'OpenAPI_ServiceResponse') ?? undefined, 'cmmMsgHeader')
  if (gateway !== null) {
    const code = codeOf(textOf(gateway['returnReasonCode']))
    const message = textOf(gateway['returnAuthMsg']) || textOf(gateway['errMsg'])
    return code === null ? null : { code, message, items: [], totalCount: null }
  }
  // Some services leave out the outermost object.
  const response = objectAt(value, 'response') ?? value
  const header = objectAt(response, 'header')
  const code = codeOf(textOf(header?.['resultCode']))
  if (code === null) return null
  const body = objectAt(response, 'body')
  const totalCount = countOf(textOf(body?.['totalCount']))
  return { code, message: textOf(header?.['resultMsg']), items: itemsOf(body), totalCount }
}

/** Null for a text that is no answer of this portal: a page of HTML, `Unauthorized`, half a JSON. */
export async function readAnswer(text: string): Promise<OpenDataAnswer | null> {
  if (text.trimStart().startsWith('<')) {
    const { readXml } = await import('./xml.ts')
    return readXml(text)
  }
  try {
    // What was parsed is JSON.
    return readJson(parseExactJson(text) as JsonValue)
  } catch {
    return null
  }
}
