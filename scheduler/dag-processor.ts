// The dag-processor: watches the DAGs folders, has what changed read, and forgets what is gone for good. A broken file is
// an import error and its last good version runs on; a folder that is away for a while hides nothing.

import { messageOf } from '../core/errors.ts'
import { forgetFile } from '../engine/dags/sync.ts'
import { EngineProcess, type ServiceDeps } from '../engine/process.ts'
import type { Service } from '../runtime/service.ts'
import { isConnectionError } from '../store/answers.ts'
import { dropOldSightings, listSeenElsewhere, noteSightings } from '../store/postgres/dag-files.ts'
import { listActiveDags, listKnownFiles } from '../store/postgres/dags.ts'
import { type DagFile, type DagRoot, EXAMPLES_PREFIX, type Listing, listRoot } from './dag-files.ts'
import { DagReader } from './dag-reader.ts'
import { Stamper } from './file-stamps.ts'
import { FolderWatch } from './folder-watch.ts'
import { MissingFiles } from './missing-files.ts'
import { type CheckTypes, TypeChecks } from './type-checks.ts'

export interface DagProcessorOptions extends ServiceDeps {
  readonly roots: readonly DagRoot[]
  /** Checks types beside the reading; null = they are not checked. */
  readonly checkTypes: CheckTypes | null
}

/** Editors write a file in several steps: what changes within this is one change, ms. */
const GATHER_MS = 30
/** Between the end of reading changed files and the look whether they changed meanwhile, ms. */
const AGAIN_MS = 150
/** While a file is missing its folder is listed this often within the time it is given. */
const LOOKS_FOR_MISSING = 3
/** Shortest pause between two such looks, ms. */
const LEAST_LOOK_MS = 250
/** After a listing that the database broke off, ms. */
const AFTER_ERROR_MS = 2_000

export class DagProcessor implements Service {
  private readonly options: DagProcessorOptions
  private readonly process: EngineProcess
  private readonly reader: DagReader
  private readonly missing: MissingFiles
  private readonly watch: FolderWatch
  private readonly types: TypeChecks
  private readonly changedPaths = new Set<string>()
  private listings = new Map<DagRoot, Listing>()
  private files: readonly DagFile[] = []
  /** Read anew by the last listing: what changed between reading and stamping them shows in a second reading. */
  private toReadTwice: ReadonlySet<string> = new Set()
  private noted = ''
  private failure = ''
  /** The last listing was not carried through. */
  private isBroken = false
  private isGathering = false
  private cancelNextLook = () => {}
  private tail: Promise<void> = Promise.resolve()

  constructor(options: DagProcessorOptions) {
    this.options = options
    const { config, log, roots } = options
    this.process = new EngineProcess({
      ...options,
      jobType: 'DagProcessorJob',
      // It follows files, not rows: the connection is for its heartbeats.
      channels: [],
      info: () => ({ folders: roots.map((root) => root.folder) }),
      begin: () => this.begin(),
      interrupt: () => void this.reader.close(),
      end: () => this.end(),
    })
    this.reader = new DagReader(options)
    this.missing = new MissingFiles({
      thresholdMs: config.staleFileMs,
      longestStepMs: 2 * config.rescanMs,
      prefixes: roots.map((root) => root.prefix),
    })
    this.watch = new FolderWatch({
      log,
      folders: roots.map((root) => root.folder),
      onChange: (path) => this.onChange(path),
      onSwap: () => void this.enqueue(() => this.list(true)),
    })
    this.types = new TypeChecks({
      check: options.checkTypes,
      database: options.database,
      log,
      // The product's own examples were checked when it was built.
      folders: () => [...this.listings].flatMap(([root, found]) => (root.prefix === EXAMPLES_PREFIX ? [] : [found])),
      moduleOf: (name) => this.reader.moduleOf(name),
    })
  }

  start(): Promise<void> {
    return this.process.start()
  }

  stop(): Promise<void> {
    return this.process.stop()
  }

  /** Serves once every file was read. */
  private async begin(): Promise<void> {
    this.reader.open()
    await this.watch.start()
    await this.enqueue(() => this.list(true))
    this.process.timers.every(this.options.config.rescanMs, () => void this.enqueue(() => this.list(true)))
  }

  private async end(): Promise<void> {
    await this.tail
    await this.watch.close()
    await this.types.stop()
    await this.reader.close()
  }

  private onChange(path: string): void {
    this.changedPaths.add(path)
    if (this.isGathering) return
    this.isGathering = true
    this.process.timers.after(GATHER_MS, () => {
      this.isGathering = false
      void this.enqueue(() => this.list(false))
    })
  }

  /** One thing at a time, in order. */
  private enqueue(work: () => Promise<void>): Promise<void> {
    this.tail = this.tail.then(async () => {
      if (this.process.isStopping) return
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

  /** `isWhole`: also look for what no watcher tells, in files and in the database. */
  private async list(isWhole: boolean): Promise<void> {
    try {
      await this.listOnce(isWhole || this.isBroken)
      this.isBroken = false
    } catch (error) {
      this.isBroken = true
      throw error
    } finally {
      this.planNextLook()
    }
  }

  private async listOnce(isWhole: boolean): Promise<void> {
    const changed = new Set(this.changedPaths)
    this.changedPaths.clear()
    const isComplete = await this.listRoots()
    await this.watch.follow(
      [...this.listings.values()].map((listing) => listing.folder),
      this.reader.sources(),
    )
    const present = new Set(this.files.map((file) => file.name))
    await this.readAffected(changed, present, isWhole)
    if (this.process.isStopping) return
    await this.reader.settleHelpers(this.files)
    await this.noteSightings(present)
    if (isComplete) await this.forgetMissing(present)
    else this.missing.interrupt()
    this.types.follow(this.reader.edition)
  }

  /** False when some folder could not be listed whole: what was in it is taken to be there still. */
  private async listRoots(): Promise<boolean> {
    const { roots, log } = this.options
    const faults: string[] = []
    for (const root of roots) {
      try {
        this.listings.set(root, await listRoot(root))
      } catch (error) {
        faults.push(messageOf(error))
      }
    }
    const failure = faults.join('; ')
    if (failure !== this.failure && failure !== '')
      log.error({ err: failure }, 'a DAGs folder cannot be listed whole; nothing is removed until it can')
    if (failure !== this.failure && failure === '') log.info({}, 'the DAGs folders can be listed again')
    this.failure = failure
    this.files = roots.flatMap((root) => this.listings.get(root)?.files ?? [])
    return failure === ''
  }

  private async readAffected(
    changed: ReadonlySet<string>,
    present: ReadonlySet<string>,
    isWhole: boolean,
  ): Promise<void> {
    const stamper = new Stamper()
    const lost = isWhole
      ? this.reader.findLost(new Set(await listActiveDags(this.options.database)))
      : new Set<string>()
    const again = this.toReadTwice
    const fresh = new Set<string>()
    this.toReadTwice = fresh
    for (const file of this.files) {
      if (this.process.isStopping) return
      const isForced = lost.has(file.name)
      const isAffected =
        isForced || again.has(file.name) || (await this.reader.isAffected(file, changed, stamper, isWhole))
      if (isAffected && (await this.read(file, present, stamper, isForced))) fresh.add(file.name)
    }
  }

  /** One file; what is wrong with it stops no other. @throws Error when the database is away */
  private async read(
    file: DagFile,
    present: ReadonlySet<string>,
    stamper: Stamper,
    isForced: boolean,
  ): Promise<boolean> {
    try {
      return await this.reader.read(file, { present, stamper, isForced })
    } catch (error) {
      if (isConnectionError(error)) throw error
      this.options.log.error(
        { err: messageOf(error), file: file.name },
        'a DAG file could not be processed; the next listing tries again',
      )
      return false
    }
  }

  /** Tells other hosts which files are here, so that none of them takes one for gone. */
  private async noteSightings(present: ReadonlySet<string>): Promise<void> {
    const names = [...present]
    const text = names.join('\0')
    const { serving } = this.process
    if (serving === null || (text === this.noted && this.noted !== '')) return
    await dropOldSightings(this.options.database)
    await noteSightings(this.options.database, serving.lease.jobId, names)
    this.noted = text
  }

  private async forgetMissing(present: ReadonlySet<string>): Promise<void> {
    const { database, log } = this.options
    const known = new Set([...(await listKnownFiles(database)), ...this.reader.names()])
    const absent = [...known].filter((name) => !present.has(name))
    const jobId = this.process.serving?.lease.jobId ?? 0
    const elsewhere = absent.length === 0 ? [] : await listSeenElsewhere(database, jobId, absent)
    for (const name of this.missing.note(new Set([...present, ...elsewhere]), known, performance.now())) {
      const stale = await forgetFile(database, name)
      this.missing.forget(name)
      this.reader.forget(name)
      log.info({ file: name, stale }, 'a DAG file is gone')
    }
  }

  /** Soon when something was read, is missing, or failed; else the next listing is the regular one. */
  private planNextLook(): void {
    const { staleFileMs, rescanMs } = this.options.config
    const forMissing = Math.min(rescanMs, Math.max(LEAST_LOOK_MS, staleFileMs / LOOKS_FOR_MISSING))
    const pauses = [
      ...(this.isBroken ? [AFTER_ERROR_MS] : this.toReadTwice.size > 0 ? [AGAIN_MS] : []),
      ...(this.missing.isAnyMissing ? [forMissing] : []),
    ]
    this.cancelNextLook()
    if (pauses.length === 0 || this.process.isStopping) return
    this.cancelNextLook = this.process.timers.after(
      Math.min(...pauses),
      () => void this.enqueue(() => this.list(false)),
    )
  }
}
