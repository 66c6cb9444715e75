// Compiles DAG files: everything bundled in, names kept, source maps inside; external are only `baram` and the façade's
// names. A fault carries file, line, column and a code frame.

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { relative, resolve } from 'node:path'
import { build, type Message } from 'esbuild'
import type { JsonValue } from '../core/json.ts'

const EXTERNAL = [
  'baram',
  'baram/*',
  '@apache-airflow/ts-sdk',
  '@apache-airflow/ts-sdk/*',
  'apache-airflow-ts-sdk',
  'apache-airflow-ts-sdk/*',
]

/** Where source maps say that DAG files lie. */
export const SOURCE_ROOT = '/dags/'

export interface CompiledFile {
  readonly hash: string
  readonly code: string
  readonly sourceCode: string
  /** Absolute paths of every file that is part of the module. */
  readonly inputs: readonly string[]
}

/** One place where a file is wrong, as pages and `list-import-errors` show it. */
export interface CodeFault {
  readonly message: string
  readonly file: string | null
  readonly line: number | null
  readonly column: number | null
  /** The line of code with a caret below it. */
  readonly frame: string | null
}

export class CompileError extends Error {
  override readonly name = 'CompileError'
  readonly faults: readonly CodeFault[]
  constructor(faults: readonly CodeFault[]) {
    super(faults.map(describeFault).join('\n\n'))
    this.faults = faults
  }
}

/** `dags/x.ts:12:5: message`, then the frame. */
export function describeFault(fault: CodeFault): string {
  const at =
    fault.file === null ? '' : `${fault.file}${fault.line === null ? '' : `:${fault.line}:${fault.column ?? 1}`}: `
  return `${at}${fault.message}${fault.frame === null ? '' : `\n\n${fault.frame}`}`
}

/** Three lines of code around the place, with a caret. */
export function codeFrame(source: string, line: number, column: number): string {
  const lines = source.split('\n')
  const first = Math.max(1, line - 2)
  const width = String(line + 1).length
  return lines
    .slice(first - 1, line + 1)
    .flatMap((text, i) => {
      const number = first + i
      const row = `${number === line ? '>' : ' '} ${String(number).padStart(width)} | ${text}`
      return number === line ? [row, `  ${' '.repeat(width)} | ${' '.repeat(Math.max(0, column - 1))}^`] : [row]
    })
    .join('\n')
}

async function faultOf(message: Message, folder: string): Promise<CodeFault> {
  const { location, text } = message
  const hint = message.notes.map((note) => note.text).join(' ')
  if (location === null) return { message: text, file: null, line: null, column: null, frame: null }
  const path = resolve(folder, location.file)
  const source = await readFile(path, 'utf8').catch(() => location.lineText)
  return {
    message: hint === '' ? text : `${text} (${hint})`,
    file: relative(folder, path),
    line: location.line,
    column: location.column + 1,
    frame: codeFrame(source, location.line, location.column + 1),
  }
}

const isBuildFailure = (error: unknown): error is Error & { errors: Message[] } =>
  error instanceof Error && 'errors' in error && Array.isArray(error.errors)

/** @throws CompileError */
export async function compileFile(path: string, folder: string): Promise<CompiledFile> {
  const sourceCode = await readFile(path, 'utf8')
  try {
    const result = await build({
      entryPoints: [path],
      absWorkingDir: folder,
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      keepNames: true,
      sourcemap: 'inline',
      sourcesContent: true,
      // The same on every host: stack traces say /dags/x.ts, and the module's hash does not depend on where the folder lies.
      sourceRoot: SOURCE_ROOT,
      metafile: true,
      logLevel: 'silent',
      external: EXTERNAL,
      // SQL and HiveQL live in files of their own: `import hql from './day.hql'` is their text.
      loader: { '.node': 'empty', '.sql': 'text', '.hql': 'text' },
      outdir: folder,
      // Bundled CommonJS packages call `require` for Node's own modules.
      banner: {
        js: "import { createRequire as __baramRequire } from 'node:module'; const require = __baramRequire(import.meta.url);",
      },
      tsconfigRaw: { compilerOptions: { target: 'es2022', useDefineForClassFields: true } },
    })
    const code = result.outputFiles[0]?.text ?? ''
    return {
      code,
      sourceCode,
      hash: createHash('sha256').update(code).digest('hex'),
      inputs: Object.keys(result.metafile.inputs).map((input) => resolve(folder, input)),
    }
  } catch (error) {
    if (!isBuildFailure(error)) throw error
    throw new CompileError(await Promise.all(error.errors.map((message) => faultOf(message, folder))))
  }
}

/** The details column of an import error. */
export function faultsJson(faults: readonly CodeFault[]): JsonValue {
  const [first] = faults
  const errors = faults.map((fault) => ({ ...fault }))
  return {
    file: first?.file ?? null,
    line: first?.line ?? null,
    column: first?.column ?? null,
    frame: first?.frame ?? null,
    errors,
  }
}
