// Compiles DAG files: everything bundled in, names kept, source maps inside; external are only `baram` and the façade's
// names. A fault carries file, line, column and a code frame.

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { dirname, extname, relative, resolve } from 'node:path'
import { build, type Message, type Metafile } from 'esbuild'
import type { ErrorCode } from '../core/errors.ts'
import type { JsonValue } from '../core/json.ts'
import { repairText } from '../core/storable.ts'

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
  /** Where imports look before links are followed: a link that is swapped on the way leads elsewhere. */
  readonly lookups: readonly string[]
  /** What each of them imports that stays outside the module, or comes from a package. */
  readonly imports: readonly ModuleImport[]
}

/** One import that leaves the author's own files. */
export interface ModuleImport {
  /** Absolute path of the importing file. */
  readonly from: string
  /** As it is written: `baram`, `node:fs`, `lodash`, `./day.sql`. */
  readonly specifier: string
  readonly kind: 'product' | 'node' | 'package' | 'text'
}

/** One place where a file is wrong, as pages and `list-import-errors` show it. */
export interface CodeFault {
  readonly code: ErrorCode
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

/** What to do about an import that leads nowhere. */
function adviceFor(specifier: string): string {
  if (specifier.startsWith('.') || specifier.startsWith('/')) return 'there is no such file; correct the path'
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
  return `the package is not installed; run npm install ${name} in the folder of your package.json`
}

async function faultOf(message: Message, folder: string): Promise<CodeFault> {
  const { location, text } = message
  const hint = message.notes.map((note) => note.text).join(' ')
  const specifier = /^Could not resolve "(.+)"/.exec(text)?.[1]
  const code = specifier === undefined ? 'FILE_SYNTAX' : 'FILE_IMPORT'
  if (location === null) return { code, message: text, file: null, line: null, column: null, frame: null }
  const path = resolve(folder, location.file)
  const source = await readFile(path, 'utf8').catch(() => location.lineText)
  const advice = specifier === undefined ? hint : adviceFor(specifier)
  return {
    code,
    message: advice === '' ? text : `${text} (${advice})`,
    file: relative(folder, path),
    line: location.line,
    column: location.column + 1,
    frame: codeFrame(source, location.line, location.column + 1),
  }
}

const isBuildFailure = (error: unknown): error is Error & { errors: Message[] } =>
  error instanceof Error && 'errors' in error && Array.isArray(error.errors)

const isPackageFile = (path: string) => path.includes('node_modules/')

/** Imports of the author's own files that Airflow would have to have as well. */
function importsOf({ inputs }: Metafile, folder: string): ModuleImport[] {
  return Object.entries(inputs).flatMap(([input, { imports }]) => {
    if (isPackageFile(input)) return []
    const from = resolve(folder, input)
    return imports.flatMap(({ path, original, external }): ModuleImport[] => {
      const specifier = original ?? path
      // What the compiler itself puts in.
      if (specifier === '<runtime>') return []
      if (external === true && isBuiltin(specifier)) return [{ from, specifier, kind: 'node' }]
      if (external === true) return [{ from, specifier, kind: 'product' }]
      if (isPackageFile(path)) return [{ from, specifier, kind: 'package' }]
      return /\.(sql|hql)$/.test(path) ? [{ from, specifier, kind: 'text' }] : []
    })
  })
}

/** The paths a relative import may mean: as written, with the extension that was found, in a folder of that name. */
function meaningsOf(written: string, found: string): string[] {
  const extension = extname(found)
  const bare = written.replace(/\.[cm]?[jt]s$/, '')
  return [...new Set([written, `${bare}${extension}`, `${written}${extension}`, `${written}/index${extension}`])]
}

/** Relative imports that reached their file over a link: esbuild tells only where they ended. */
function lookupsOf({ inputs }: Metafile, folder: string): string[] {
  const found = Object.entries(inputs).flatMap(([input, { imports }]) =>
    imports.flatMap(({ path, original, external }) => {
      if (external === true || original === undefined || !/^[./]/.test(original)) return []
      const end = resolve(folder, path)
      const meanings = meaningsOf(resolve(dirname(resolve(folder, input)), original), end)
      return meanings.includes(end) ? [] : meanings
    }),
  )
  return [...new Set(found)]
}

/** A NUL in a source file: TypeScript takes it for a blank, and no database can store what comes of it. */
function refuseNul(source: string, path: string, folder: string): void {
  const at = source.indexOf('\u0000')
  if (at < 0) return
  const before = source.slice(0, at).split('\n')
  const [line, column] = [before.length, (before.at(-1)?.length ?? 0) + 1]
  const message =
    'the file holds a NUL character (a byte 0), which no source file may; write \\0 or \\u0000 inside texts'
  const frame = codeFrame(repairText(source), line, column)
  throw new CompileError([{ code: 'FILE_SYNTAX', message, file: relative(folder, path), line, column, frame }])
}

/**
 * @param sourceRoot where source maps say that the files lie: for a debugger, the folder itself
 * @throws CompileError
 */
export async function compileFile(path: string, folder: string, sourceRoot = SOURCE_ROOT): Promise<CompiledFile> {
  const sourceCode = await readFile(path, 'utf8')
  refuseNul(sourceCode, path, folder)
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
      sourceRoot,
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
    const inputs = Object.keys(result.metafile.inputs).map((input) => resolve(folder, input))
    if (code.includes('\u0000')) for (const input of inputs) refuseNul(await readFile(input, 'utf8'), input, folder)
    return {
      code,
      sourceCode,
      hash: createHash('sha256').update(code).digest('hex'),
      inputs,
      lookups: lookupsOf(result.metafile, folder),
      imports: importsOf(result.metafile, folder),
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
