// The dag-processor: watches the DAGs folders, compiles what changed, has it read in a child, and stores what it yields.
// A broken file is an import error and its last good version runs on; a file is gone only after three complete listings.

import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { type FSWatcher, watch } from 'chokidar'
import { messageOf } from '../core/errors.ts'
import { forgetFile, type ParsedFile, recordImportError, syncFile } from '../engine/dags.ts'
import { Lease } from '../engine/lease.ts'
import type { Config } from '../runtime/config.ts'
import type { Logger } from '../runtime/logger.ts'
import { ModuleStore } from '../runtime/module-store.ts'
import type { Database } from '../store/database.ts'
import { listKnownFiles } from '../store/postgres/dags.ts'
import { type CodeFault, type CompiledFile, CompileError, compileFile, describeFault, faultsJson } from './compile.ts'
import { type DagFile, type DagRoot, isSkippedFolder, listDagFiles } from './dag-files.ts'
import { locate, locateDeath } from './locate.ts'
import { Parser } from './parser.ts'

export interface DagProcessorOptions {
  readonly config: Config
  readonly database: Database
  readonly log: Logger
  readonly roots: readonly DagRoot[]
  onFatal(reason: string): void
}

/** Complete listings without a file before its DAGs count as gone (RELIABILITY rule 13). */
const LISTINGS_UNTIL_GONE = 3
/** Editors write a file in several steps: what changes within this is one change, ms. */
const GATHER_MS = 30
/** Between the end of reading changed files and the look whether they changed meanwhile, ms. */
const AGAIN_MS = 150

interface Known {
  readonly hash: string
  readonly inputs: readonly string[]
  readonly isHelper: boolean
}

const NO_DAG = 'this file declares no DAG'

export class DagProcessor {
  private readonly options: DagProcessorOptions
  private readonly modules: ModuleStore
  private readonly parser: Parser
  private readonly known = new Map<string, Known>()
  private readonly missing = new Map<string, number>()
  private readonly changedPaths = new Set<string>()
  private files: readonly DagFile[] = []
  private watcher: FSWatcher | null = null
  private rescan: NodeJS.Timeout | null = null
  private gather: NodeJS.Timeout | null = null
  private again: NodeJS.Timeout | null = null
  private lease: Lease | null = null
  private tail: Promise<void> = Promise.resolve()
  private isStopping = false

  constructor(options: DagProcessorOptions) {
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

  async start(): Promise<void> {
    const { config, database, log } = this.options
    this.modules.open()
    this.parser.warm()
    this.lease = await Lease.take({
      jobType: 'DagProcessorJob',
      info: { folders: this.options.roots.map((root) => root.folder) },
      heartbeatMs: config.heartbeatMs,
      leaseMs: config.leaseMs,
      log,
      sql: () => database,
      onLost: (reason) => this.options.onFatal(reason),
    })
    this.watchFolders()
    await this.enqueue(() => this.list())
    this.rescan = setInterval(() => void this.enqueue(() => this.list()), config.rescanMs)
    log.info({ jobId: this.lease.jobId, files: this.files.length }, 'dag-processor started')
  }

  async stop(): Promise<void> {
    this.isStopping = true
    if (this.rescan !== null) clearInterval(this.rescan)
    if (this.gather !== null) clearTimeout(this.gather)
    if (this.again !== null) clearTimeout(this.again)
    await this.watcher?.close()
    this.parser.close()
    await this.tail
    await this.lease
      ?.end('success')
      .catch((error: unknown) => this.options.log.warn({ err: messageOf(error) }, 'the lease could not be ended'))
  }

  private watchFolders(): void {
    const folders = this.options.roots.map((root) => root.folder)
    this.watcher = watch(folders, {
      ignoreInitial: true,
      ignored: (path) =>
        folders.every((folder) => folder !== path) &&
        isSkippedFolder(basename(path)) &&
        basename(path) !== '.airflowignore',
    })
    this.watcher.on('all', (_event, path) => this.onChange(path))
    this.watcher.on('error', (error) =>
      this.options.log.warn(
        { err: messageOf(error) },
        'a DAGs folder cannot be watched; it is listed from time to time instead',
      ),
    )
  }

  private onChange(path: string): void {
    this.changedPaths.add(path)
    this.gather ??= setTimeout(() => {
      this.gather = null
      void this.enqueue(() => this.list())
    }, GATHER_MS)
  }

  /** One thing at a time, in order. */
  private enqueue(work: () => Promise<void>): Promise<void> {
    this.tail = this.tail.then(async () => {
      if (this.isStopping) return
      try {
        await work()
      } catch (error) {
        this.options.log.error(
          { err: messageOf(error) },
          'DAG files could not be processed; the next listing tries again',
        )
      }
    })
    return this.tail
  }

  private async list(): Promise<void> {
    const changed = new Set(this.changedPaths)
    this.changedPaths.clear()
    const listings = await Promise.allSettled(this.options.roots.map(listDagFiles))
    const isComplete = listings.every((listing) => listing.status === 'fulfilled')
    const files = listings.flatMap((listing) => (listing.status === 'fulfilled' ? listing.value : []))
    for (const listing of listings) {
      if (listing.status === 'rejected')
        this.options.log.warn(
          { err: messageOf(listing.reason) },
          'a DAGs folder could not be listed whole; nothing is removed',
        )
    }
    this.files = files
    const affected = await this.findAffected(files, changed)
    for (const file of affected) await this.process(file)
    if (affected.length > 0) this.lookOnceMore()
    await this.settleHelpers()
    if (isComplete) await this.forgetMissing(new Set(files.map((file) => file.name)))
  }

  /** A file saved twice at once may cost the watcher its second event: look again until nothing has changed. */
  private lookOnceMore(): void {
    this.again ??= setTimeout(() => {
      this.again = null
      void this.enqueue(() => this.list())
    }, AGAIN_MS)
  }

  /** Files to read: new ones, and those that a change (their own or of something they import) touches. */
  private async findAffected(files: readonly DagFile[], changed: ReadonlySet<string>): Promise<DagFile[]> {
    const affected: DagFile[] = []
    for (const file of files) {
      const known = this.known.get(file.name)
      if (
        known === undefined ||
        changed.has(file.path) ||
        known.inputs.some((input) => changed.has(input)) ||
        (await this.isModified(file))
      )
        affected.push(file)
    }
    return affected
  }

  private readonly stamps = new Map<string, string>()

  /** Size and time of the file, for changes that the watcher missed. */
  private async isModified(file: DagFile): Promise<boolean> {
    const before = this.stamps.get(file.name)
    const now = await this.stamp(file)
    return before !== undefined && now !== null && now !== before
  }

  private async stamp(file: DagFile): Promise<string | null> {
    try {
      const { size, mtimeMs, ino } = await stat(file.path)
      const text = `${size}/${mtimeMs}/${ino}`
      this.stamps.set(file.name, text)
      return text
    } catch {
      return null // Deleted meanwhile: the next listing tells.
    }
  }

  private async process(file: DagFile): Promise<void> {
    const began = performance.now()
    await this.stamp(file)
    try {
      const compiled = await compileFile(file.path, file.root.folder)
      if (this.known.get(file.name)?.hash === compiled.hash) return
      await this.read(file, compiled, began)
    } catch (error) {
      if (!(error instanceof CompileError)) throw error
      this.known.set(file.name, { hash: '', inputs: this.known.get(file.name)?.inputs ?? [file.path], isHelper: false })
      await this.recordError(file.name, error.message, error.faults)
    }
  }

  private async read(file: DagFile, compiled: CompiledFile, began: number): Promise<void> {
    const path = this.modules.put(compiled.hash, compiled.code)
    const outcome = await this.parser.parse(path)
    if (this.isStopping) return
    if (outcome.kind === 'died') {
      this.known.set(file.name, { hash: compiled.hash, inputs: compiled.inputs, isHelper: false })
      const fault = locateDeath(outcome.message, file.name, compiled)
      await this.recordError(file.name, describeFault(fault), [fault])
      return
    }
    const { dags, errors, notices, doubts } = outcome.result
    for (const notice of notices) this.options.log.warn({ file: file.name, notice }, 'a DAG file has a notice')
    for (const doubt of doubts) {
      const notice = describeFault(locate(doubt, file.name, compiled))
      this.options.log.warn({ file: file.name, notice }, 'a DAG file has a notice')
    }
    const isHelper = dags.length === 0 && errors.length === 1 && errors[0]?.code === 'FILE_EMPTY'
    this.known.set(file.name, { hash: compiled.hash, inputs: compiled.inputs, isHelper })
    const faults = errors.map((fault) => locate(fault, file.name, compiled))
    const parsed: ParsedFile = {
      relativeFileloc: file.name,
      fileloc: file.path,
      sourceCode: compiled.sourceCode,
      moduleHash: compiled.hash,
      moduleCode: compiled.code,
      parseSeconds: (performance.now() - began) / 1000,
      dags,
      errorText: faults.length === 0 || isHelper ? null : faults.map(describeFault).join('\n\n'),
      errorDetails: faultsJson(faults),
    }
    const present = new Set(this.files.map((each) => each.name))
    const { changed, taken } = await syncFile(
      this.options.database,
      parsed,
      present,
      this.options.config.dagsArePausedAtCreation,
    )
    const ms = Math.round(performance.now() - began)
    this.options.log.info(
      { file: file.name, dags: dags.length, changed, taken, errors: errors.length, ms },
      'DAG file read',
    )
  }

  private async recordError(name: string, text: string, faults: readonly CodeFault[]): Promise<void> {
    this.options.log.warn({ file: name, fault: text.split('\n')[0] }, 'DAG file has an error')
    await recordImportError(this.options.database, name, text, faultsJson(faults))
  }

  /** A file without a DAG that others import is a helper; one that nobody imports is a mistake its author should hear of. */
  private async settleHelpers(): Promise<void> {
    for (const file of this.files) {
      const known = this.known.get(file.name)
      if (known?.isHelper !== true) continue
      const isImported = [...this.known].some(([name, other]) => name !== file.name && other.inputs.includes(file.path))
      this.known.set(file.name, { ...known, isHelper: false })
      if (isImported) await forgetFile(this.options.database, file.name)
      else {
        const message = `${NO_DAG}: export one (\`export const dag = new Dag(…)\`) or serve a Bundle; if it is a helper that nothing imports yet, name it in .airflowignore`
        await this.recordError(file.name, message, [
          { code: 'FILE_EMPTY', message, file: file.name, line: null, column: null, frame: null },
        ])
      }
    }
  }

  private async forgetMissing(present: ReadonlySet<string>): Promise<void> {
    const { database, config, log } = this.options
    for (const name of new Set([...(await listKnownFiles(database)), ...this.known.keys()])) {
      if (present.has(name)) {
        this.missing.delete(name)
        continue
      }
      const times = (this.missing.get(name) ?? 0) + 1
      this.missing.set(name, times)
      if (times < LISTINGS_UNTIL_GONE) {
        // Look again soon instead of in half a minute: three listings decide, not three intervals.
        setTimeout(() => void this.enqueue(() => this.list()), Math.min(1_000, config.rescanMs)).unref()
        continue
      }
      this.missing.delete(name)
      this.known.delete(name)
      this.stamps.delete(name)
      const stale = await forgetFile(database, name)
      log.info({ file: name, stale }, 'a DAG file is gone')
    }
  }
}
