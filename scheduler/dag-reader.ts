// Reads DAG files: compiles one, has a child evaluate it, stores what it yields, and remembers what it was made of, so
// that a file is read again when any part of it changes and not before.

import { realpath } from 'node:fs/promises'
import { messageOf } from '../core/errors.ts'
import { forgetFile, type ParsedFile, recordImportError, syncFile } from '../engine/dags/sync.ts'
import type { Config } from '../runtime/config.ts'
import type { Logger } from '../runtime/logger.ts'
import { ModuleStore } from '../runtime/module-store.ts'
import type { Database } from '../store/database.ts'
import { isLasting } from '../store/refusal.ts'
import { type CodeFault, type CompiledFile, CompileError, compileFile, describeFault, faultsJson } from './compile.ts'
import type { DagFile } from './dag-files.ts'
import type { Stamper, Stamps } from './file-stamps.ts'
import { locate, locateDeath } from './locate.ts'
import { Parser } from './parser.ts'

export interface DagReaderOptions {
  readonly config: Config
  readonly database: Database
  readonly log: Logger
}

interface Known {
  /** Of the module; `''` when there is none, or the database has not taken what it yields: the next listing tries again. */
  readonly hash: string
  /** Of everything the module is made of. */
  readonly stamps: Stamps
  readonly inputs: readonly string[]
  /** What the file yielded, as far as the database has taken it. */
  readonly dagIds: readonly string[]
  readonly isHelper: boolean
  /** The error that was recorded last, or null. */
  readonly fault: string | null
}

/** How a file is to be read. */
export interface ReadRequest {
  /** Every file that was listed, to tell a moved DAG from a duplicated one. */
  readonly present: ReadonlySet<string>
  /** Of this listing. */
  readonly stamper: Stamper
  /** Also when the module is the known one: the database no longer has what it yielded. */
  readonly isForced: boolean
}

const areEqual = (a: Stamps | undefined, b: Stamps | undefined): boolean =>
  a?.size === b?.size && [...(a ?? [])].every(([path, stamp]) => b?.get(path) === stamp)

const NO_DAG = 'this file declares no DAG'

export class DagReader {
  private readonly options: DagReaderOptions
  private readonly modules: ModuleStore
  private readonly parser: Parser
  private readonly known = new Map<string, Known>()
  private changes = 0
  private isClosed = false

  constructor(options: DagReaderOptions) {
    this.options = options
    const { config, log } = options
    this.modules = new ModuleStore(config.home)
    this.parser = new Parser({
      memoryMb: config.parserMemoryMb,
      timeoutMs: config.dagFileTimeoutMs,
      env: config.childEnv,
      cwd: config.home,
      log,
      defaults: { maxActiveTasks: config.maxActiveTasksPerDag, maxActiveRuns: config.maxActiveRunsPerDag },
    })
  }

  open(): void {
    this.modules.open()
    this.parser.warm()
  }

  /** A file that is being read is given up. */
  async close(): Promise<void> {
    this.isClosed = true
    await this.parser.close()
  }

  names(): Iterable<string> {
    return this.known.keys()
  }

  forget(name: string): void {
    this.known.delete(name)
    this.changes++
  }

  /** Another number whenever a part of some file is another one: also of a file that still has an error, and of types alone. */
  get edition(): number {
    return this.changes
  }

  /** What a file was compiled to when it was read last; null when it has an error. */
  moduleOf(name: string): { readonly hash: string; readonly inputs: readonly string[] } | null {
    const known = this.known.get(name)
    return known === undefined || known.hash === '' ? null : known
  }

  /** Everything that modules are made of. */
  *sources(): Iterable<string> {
    for (const { stamps } of this.known.values()) yield* stamps.keys()
  }

  /** Files whose DAGs the database no longer has (deleted there, or taken for gone by another host). */
  findLost(activeDags: ReadonlySet<string>): ReadonlySet<string> {
    const isLost = ({ dagIds }: Known) => dagIds.some((dagId) => !activeDags.has(dagId))
    return new Set([...this.known].filter(([, known]) => isLost(known)).map(([name]) => name))
  }

  /** Whether a file is new, was not read to its end, or a part of it has changed. `isWhole`: look at every part, not at the file alone. */
  async isAffected(file: DagFile, changed: ReadonlySet<string>, stamper: Stamper, isWhole: boolean): Promise<boolean> {
    const known = this.known.get(file.name)
    if (known === undefined || known.hash === '') return true
    const { stamps } = known
    // A swapped folder: what it holds lies elsewhere now.
    if (!stamps.has(file.path)) return true
    for (const path of changed) if (stamps.has(path)) return true
    return isWhole ? stamper.haveChanged(stamps) : (await stamper.of(file.path)) !== stamps.get(file.path)
  }

  /** True when the file yields something else than before. @throws Error when the database did not answer */
  async read(file: DagFile, request: ReadRequest): Promise<boolean> {
    const before = this.known.get(file.name)?.stamps
    const isNew = await this.readFile(file, request)
    if (!areEqual(before, this.known.get(file.name)?.stamps)) this.changes++
    return isNew
  }

  private async readFile(file: DagFile, request: ReadRequest): Promise<boolean> {
    const began = performance.now()
    const before = this.known.get(file.name)
    const parts = [file.path, ...(before?.stamps.keys() ?? [])]
    // Taken before the files are read: what changes meanwhile looks changed next time.
    const stamps = new Map(await request.stamper.ofAll(parts))
    try {
      const compiled = await compileFile(file.path, file.folder)
      const added = [...compiled.inputs, ...compiled.lookups]
      const all = new Map<string, string>()
      for (const path of [file.path, ...added]) all.set(path, stamps.get(path) ?? (await request.stamper.of(path)))
      if (before?.hash === compiled.hash && !request.isForced) {
        this.known.set(file.name, { ...before, stamps: all, inputs: compiled.inputs })
        return false
      }
      await this.evaluate(file, compiled, all, request, began)
      return true
    } catch (error) {
      if (!(error instanceof CompileError)) throw error
      const inputs = before?.inputs ?? [file.path]
      const fault = error.message
      if (fault !== before?.fault) await this.recordError(file.name, fault, error.faults)
      this.known.set(file.name, { hash: '', inputs, stamps, dagIds: [], isHelper: false, fault })
      return fault !== before?.fault
    }
  }

  private async evaluate(
    file: DagFile,
    compiled: CompiledFile,
    stamps: Stamps,
    request: ReadRequest,
    began: number,
  ): Promise<void> {
    const path = this.modules.put(compiled.hash, compiled.code)
    const outcome = await this.parser.parse(path)
    if (this.isClosed) return
    const known = { hash: compiled.hash, inputs: compiled.inputs, stamps, dagIds: [], isHelper: false, fault: null }
    if (outcome.kind === 'died') {
      const fault = locateDeath(outcome.message, file.name, compiled)
      await this.recordError(file.name, describeFault(fault), [fault])
      this.known.set(file.name, { ...known, fault: describeFault(fault) })
      return
    }
    const { dags, errors, notices, doubts } = outcome.result
    for (const notice of notices) this.options.log.warn({ file: file.name, notice }, 'a DAG file has a notice')
    for (const doubt of doubts) {
      const notice = describeFault(locate(doubt, file.name, compiled))
      this.options.log.warn({ file: file.name, notice }, 'a DAG file has a notice')
    }
    const isHelper = dags.length === 0 && errors.length === 1 && errors[0]?.code === 'FILE_EMPTY'
    const faults = errors.map((fault) => locate(fault, file.name, compiled))
    const parsed: ParsedFile = {
      relativeFileloc: file.name,
      fileloc: file.fileloc,
      sourceCode: compiled.sourceCode,
      moduleHash: compiled.hash,
      moduleCode: compiled.code,
      parseSeconds: (performance.now() - began) / 1000,
      dags,
      errorText: faults.length === 0 || isHelper ? null : faults.map(describeFault).join('\n\n'),
      errorDetails: faultsJson(faults),
    }
    const isStored = await this.store(parsed, request.present, began)
    this.known.set(file.name, {
      ...known,
      dagIds: isStored ? dags.map((dag) => dag.dagId) : [],
      isHelper,
      fault: parsed.errorText,
    })
  }

  /** False when the database refuses what the file yields: an error of this file, which stops no other. */
  private async store(parsed: ParsedFile, present: ReadonlySet<string>, began: number): Promise<boolean> {
    const { database, config, log } = this.options
    const file = parsed.relativeFileloc
    try {
      const { changed, taken } = await syncFile(database, parsed, present, config.dagsArePausedAtCreation)
      const ms = Math.round(performance.now() - began)
      const errors = parsed.errorText === null ? 0 : 1
      log.info({ file, dags: parsed.dags.length, changed, taken, errors, ms }, 'DAG file read')
      return true
    } catch (error) {
      if (!isLasting(error)) throw error
      const message = `what this file declares cannot be stored: ${messageOf(error)}`
      await this.recordError(file, message, [
        { code: 'DAG_INVALID', message, file, line: null, column: null, frame: null },
      ])
      return false
    }
  }

  private async recordError(name: string, text: string, faults: readonly CodeFault[]): Promise<void> {
    this.options.log.warn({ file: name, fault: text.split('\n')[0] }, 'DAG file has an error')
    await recordImportError(this.options.database, name, text, faultsJson(faults))
  }

  /** A file without a DAG that others import is a helper; one that nobody imports is a mistake its author should hear of. */
  async settleHelpers(files: readonly DagFile[]): Promise<void> {
    for (const file of files) {
      const known = this.known.get(file.name)
      if (known?.isHelper !== true) continue
      const real = await realpath(file.path).catch(() => file.path)
      const isImported = [...this.known].some(([name, other]) => name !== file.name && other.inputs.includes(real))
      this.known.set(file.name, { ...known, isHelper: false })
      if (isImported) await forgetFile(this.options.database, file.name)
      else {
        const message =
          `${NO_DAG}: export one (\`export const dag = new Dag(…)\`) or serve a Bundle; if it is a helper that nothing ` +
          'imports yet, name it in .airflowignore'
        await this.recordError(file.name, message, [
          { code: 'FILE_EMPTY', message, file: file.name, line: null, column: null, frame: null },
        ])
      }
    }
  }
}
