// Where in the author's source a fault stands: read off a (source-mapped) stack, then made finer by what its sentence names.

import { basename } from 'node:path'
import type { ParseFault } from '../core/protocol.ts'
import { type CodeFault, type CompiledFile, codeFrame, SOURCE_ROOT } from './compile.ts'

/** How far below the start of a declaration what a sentence names is looked for, lines. */
const REACH = 40

interface SourceLocation {
  readonly line: number
  readonly column: number
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** The first line from `first` on that matches. */
export function findLine(
  source: string,
  pattern: RegExp,
  first = 1,
  reach = Number.POSITIVE_INFINITY,
): SourceLocation | null {
  const lines = source.split('\n')
  for (let line = first; line <= Math.min(lines.length, first + reach); line++) {
    const column = lines[line - 1]?.search(pattern) ?? -1
    if (column >= 0) return { line, column: column + 1 }
  }
  return null
}

/** What a sentence speaks of, as it stands in the source: an option's name, a quoted value. */
function namedIn(message: string): RegExp[] {
  const option =
    /(?:[Uu]nknown option|option|input|argument|list|param) "([\w$]+)"/.exec(message)?.[1] ??
    /: (\w+) needs /.exec(message)?.[1]
  const values = [
    /(?:trigger rule|weight rule) "([^"]+)"/.exec(message)?.[1],
    /"([^"]+)" is not a time zone/.exec(message)?.[1],
    /(?:cron|schedule)[^"]*"([^"]+)"/i.exec(message)?.[1],
  ]
  return [
    ...(option === undefined ? [] : [new RegExp(`(?<![\\w$])['"]?${escaped(option)}['"]?(?=\\s*[:,}(])`)]),
    ...values.flatMap((value) => (value === undefined ? [] : [new RegExp(`['"\`]${escaped(value)}['"\`]`)])),
  ]
}

/** The place in a declaration that begins at `line`, by what the sentence names. */
function refine(message: string, source: string, location: SourceLocation): SourceLocation {
  for (const pattern of namedIn(message)) {
    const found = findLine(source, pattern, location.line, REACH)
    if (found !== null && (found.line > location.line || found.column >= 1)) return found
  }
  return location
}

const whole = (fault: Pick<ParseFault, 'code' | 'message'>, file: string): CodeFault => ({
  code: fault.code,
  message: fault.message,
  file,
  line: null,
  column: null,
  frame: null,
})

function at(
  fault: Pick<ParseFault, 'code' | 'message'>,
  file: string,
  source: string,
  location: SourceLocation,
): CodeFault {
  return { ...whole(fault, file), ...location, frame: codeFrame(source, location.line, location.column) }
}

/** Places that no stack tells: an import that is not there, a DAG that is not exported, a promise that was rejected. */
function withoutStack(fault: ParseFault, source: string): SourceLocation | null {
  const quoted = /(?:named|package|module) '([^']+)'/.exec(fault.message)?.[1]
  if (fault.code === 'FILE_IMPORT' && quoted !== undefined)
    return findLine(source, new RegExp(`(?<![\\w$])${escaped(basename(quoted))}(?![\\w$])`))
  if (fault.code === 'FILE_EMPTY') return findLine(source, /new (Dag|Bundle)\b/)
  const taskId = /task "([^"]+)"/.exec(fault.message)?.[1]
  return taskId === undefined ? null : findLine(source, new RegExp(`['"\`]${escaped(taskId)}['"\`]`))
}

/** A fault of reading `file` (its name in the folder) as pages and `dagctl` show it. */
export function locate(fault: ParseFault, file: string, compiled: CompiledFile): CodeFault {
  const found = new RegExp(`${SOURCE_ROOT}([^\\s():]+):(\\d+):(\\d+)`).exec(fault.stack ?? '')
  if (found === null) {
    const location = withoutStack(fault, compiled.sourceCode)
    return location === null ? whole(fault, file) : at(fault, file, compiled.sourceCode, location)
  }
  const [, source = '', line = '1', column = '1'] = found
  const location = { line: Number(line), column: Number(column) }
  if (file.endsWith(source))
    return at(fault, file, compiled.sourceCode, refine(fault.message, compiled.sourceCode, location))
  return { ...whole(fault, source), ...location }
}

/** Where a file that did not end loading hangs: an endless loop or an await that stands at its top level. */
export function locateDeath(message: string, file: string, compiled: CompiledFile): CodeFault {
  const fault = { code: 'FILE_DIED', message } as const
  const source = compiled.sourceCode
  const location =
    findLine(source, /^(for\s*\(\s*;\s*;|while\s*\(\s*(true|1)\s*\))/) ??
    findLine(source, /^(?=[^\s/]).*\bawait\b(?!.*\.serve\()/) ??
    findLine(source, /^(for|while|do)\b/)
  return location === null ? whole(fault, file) : at(fault, file, source, location)
}
