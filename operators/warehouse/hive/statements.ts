// HiveQL as authors write it: several statements in a text, and `:name` where a value goes.

import { hiveText } from './ddl.ts'

/** What a value may be; a list stands for `in (:list)`, without the parentheses. */
export type HiveParameter = string | number | boolean | null | readonly (string | number | boolean | null)[]

/** Texts (a backslash escapes in them), quoted names, and comments: nothing in them is ours. */
const NOT_CODE = /'(?:\\[\s\S]|[^'\\])*'|"(?:\\[\s\S]|[^"\\])*"|`[^`]*`|--[^\n]*|\/\*[\s\S]*?\*\//g
/** `::` is no parameter, nor is what follows a word (`map:key`). */
const PARAMETER = /(?<![\w:]):([A-Za-z_]\w*)/g

function literal(value: HiveParameter): string {
  if (value === null) return 'NULL'
  if (typeof value === 'string') return hiveText(value)
  if (typeof value === 'boolean') return String(value)
  if (typeof value !== 'number') return value.map(literal).join(', ')
  if (Number.isFinite(value)) return String(value)
  throw new Error(`hive: a parameter is ${value}, which HiveQL cannot write: give a text or null`)
}

/** Changes the code of a text and leaves texts, names and comments alone. */
function onCode(hql: string, change: (code: string) => string): string {
  let changed = ''
  let from = 0
  for (const { 0: text, index } of hql.matchAll(NOT_CODE)) {
    changed += change(hql.slice(from, index)) + text
    from = index + text.length
  }
  return changed + change(hql.slice(from))
}

/** Puts each value where its `:name` stands, as a literal that cannot be left. @throws Error for a name without a value */
export function withParameters(hql: string, parameters: Readonly<Record<string, HiveParameter>>): string {
  return onCode(hql, (code) =>
    code.replaceAll(PARAMETER, (_, name: string) => {
      const value = parameters[name]
      if (value !== undefined) return literal(value)
      const known = Object.keys(parameters).join(', ') || 'nothing'
      throw new Error(`hive: the statement names :${name}, but parameters has only ${known}`)
    }),
  )
}

/** Without their semicolons; those of nothing but comments are left out. */
export function splitHql(hql: string): readonly string[] {
  // No statement can hold a NUL, so it marks the borders.
  const statements = onCode(hql, (code) => code.replaceAll(';', '\0')).split('\0')
  const isEmpty = (text: string) =>
    text.replaceAll(NOT_CODE, (found) => (/^(--|\/\*)/.test(found) ? '' : found)).trim() === ''
  return statements.filter((text) => !isEmpty(text)).map((text) => text.trim())
}
