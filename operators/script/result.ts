// What a script hands on: JSON in a file whose path it finds in BARAM_RESULT.

import { readFile, stat } from 'node:fs/promises'
import { TextDecoder } from 'node:util'
import type { JsonValue } from '../../sdk/index.ts'

/** What an XCom may have. */
const LARGEST = 1_048_576

/** What a script wrote to BARAM_RESULT cannot be an XCom. Retries apply. */
export class ScriptResultError extends Error {
  override readonly name = 'ScriptResultError'
}

/** Python's `json` writes these unless it is told not to; JSON does not know them. */
const NO_JSON = /(?<![\w"])-?(?:NaN|Infinity)(?![\w"])/

function parsed(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue
  } catch (cause) {
    const what = text.trim() === '' ? 'it is empty' : cause instanceof Error ? cause.message : String(cause)
    const hint = NO_JSON.test(text)
      ? '; JSON knows no NaN and no Infinity (Python refuses them with json.dump(…, allow_nan=False))'
      : ''
    throw new ScriptResultError(`the file BARAM_RESULT does not hold one JSON value: ${what}${hint}`, { cause })
  }
}

/** `undefined` when the script wrote none. @throws ScriptResultError */
export async function readResult(path: string): Promise<JsonValue | undefined> {
  const found = await stat(path).catch(() => null)
  if (found === null) return undefined
  if (!found.isFile()) throw new ScriptResultError('BARAM_RESULT is no file any more: write JSON to that path')
  if (found.size > LARGEST)
    throw new ScriptResultError(
      `the file BARAM_RESULT has ${found.size} bytes, an XCom may have ${LARGEST}: write what is large to a lake or a table, and its place to BARAM_RESULT`,
    )
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path))
  } catch (cause) {
    throw new ScriptResultError('the file BARAM_RESULT is not UTF-8', { cause })
  }
  return parsed(text)
}
