// JSON that is shown with its sensitive fields masked, and comes back with the masks in place of what nobody has changed.

import { isSensitiveName, MASK, maskByName } from '../../core/masker.ts'

type IsSensitive = (name: string) => boolean

function parseJson(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' ? value : null
  } catch {
    return null
  }
}

const parseObject = (text: string | null): object | null => {
  const value = text === null ? null : parseJson(text)
  return Array.isArray(value) ? null : value
}

/** `extra` as text in which secret fields read `***`; text that is no JSON object is hidden whole. */
export function maskExtra(extra: string | null, isSensitive?: IsSensitive): string | null {
  if (extra === null || extra === '') return extra
  const fields = parseObject(extra)
  return fields === null ? MASK : JSON.stringify(maskByName(fields, isSensitive))
}

/** Any text: fields of JSON with sensitive names read `***`; other text, and JSON without such fields, is as it was. */
export function maskFields(text: string, isSensitive?: IsSensitive): string {
  const value = parseJson(text)
  if (value === null) return text
  const [plain, masked] = [JSON.stringify(value), JSON.stringify(maskByName(value, isSensitive))]
  return masked === plain ? text : masked
}

/** The sensitive fields of new JSON that read `***`, at any depth, take their stored value again. */
export function restoreMasked(
  text: string | null,
  stored: string | null,
  isSensitive: IsSensitive = isSensitiveName,
): string | null {
  if (text === MASK) return stored
  const [value, before] = [text === null ? null : parseJson(text), stored === null ? null : parseJson(stored)]
  if (text === null || value === null || before === null || !text.includes(MASK)) return text
  return JSON.stringify(restoreValue(value, before, isSensitive))
}

/** `undefined` where nothing is stored for a mask: JSON leaves the field out. Lists are matched by position, as shown. */
function restoreValue(value: unknown, stored: unknown, isSensitive: IsSensitive): unknown {
  if (typeof value !== 'object' || value === null) return value
  const before = new Map<string, unknown>(typeof stored === 'object' && stored !== null ? Object.entries(stored) : [])
  if (Array.isArray(value))
    return value.map((item: unknown, i) => restoreValue(item, before.get(String(i)), isSensitive))
  return Object.fromEntries(
    Object.entries(value).map(([key, item]: [string, unknown]) => [
      key,
      item === MASK && isSensitive(key) ? before.get(key) : restoreValue(item, before.get(key), isSensitive),
    ]),
  )
}
