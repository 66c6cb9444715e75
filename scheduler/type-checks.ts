// Checks the types of DAG files beside their reading: some time after the last change, one check at a time. What it finds
// is a warning of the DAGs; that it fails is a line in the log and nothing else.

import { access, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../core/errors.ts'
import { type CheckedFile, forgetTypeFaults, recordTypeFaults, type TypeFault } from '../engine/dags/type-warnings.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Database } from '../store/database.ts'
import type { DagFile } from './dag-files.ts'
import { DebouncedWork, orAborted } from './debounced-work.ts'

export interface TypeCheckRequest {
  /** Absolute, links followed. */
  readonly folder: string
  /** Absolute, in it. */
  readonly files: readonly string[]
  /** The answer is no longer waited for: whatever works on it must end. */
  readonly signal: AbortSignal
}

export interface TypeCheckAnswer {
  readonly faults: readonly TypeFault[]
  /** What is wrong with the folder as a whole: its tsconfig. */
  readonly folderFaults: readonly string[]
  /** Which compiler, and with which configuration. */
  readonly compiler: string
}

/** The compiler, as the wiring gives it: this room does not know one. @throws Error when types cannot be checked */
export type CheckTypes = (request: TypeCheckRequest) => Promise<TypeCheckAnswer>

/** A DAGs folder as it was read last. */
export interface ReadFolder {
  readonly folder: string
  readonly files: readonly DagFile[]
}

/** What a file was compiled to. */
export interface ReadModule {
  readonly hash: string
  /** Absolute, links followed: the files that it is made of. */
  readonly inputs: readonly string[]
}

export interface TypeChecksOptions {
  /** Null = types are not checked. */
  readonly check: CheckTypes | null
  readonly database: Database
  readonly log: Logger
  /** Asked as a check begins. */
  folders(): readonly ReadFolder[]
  /** The module of a file; null when it has none, as a file with an error. */
  moduleOf(name: string): ReadModule | null
}

/** An author who saves while thinking is not told of every half sentence, ms. */
const QUIET_MS = 2_000
/** A thousand DAG files take 17 s of an idle core; on a busy one the check has the lowest priority, ms. */
const LIMIT_MS = 300_000

export class TypeChecks {
  private readonly options: TypeChecksOptions
  private readonly work: DebouncedWork
  private edition = 0

  constructor(options: TypeChecksOptions) {
    this.options = options
    this.work = new DebouncedWork({
      quietMs: QUIET_MS,
      limitMs: LIMIT_MS,
      work: (signal) => this.run(signal),
      onFailure: (error) =>
        options.log.warn(
          { err: messageOf(error) },
          'types could not be checked; the next change of a file tries again',
        ),
    })
  }

  /** `edition`: of the files that were read; a check is wanted when it is another one. */
  follow(edition: number): void {
    if (edition === this.edition) return
    this.edition = edition
    this.work.want()
  }

  stop(): Promise<void> {
    return this.work.stop()
  }

  private async run(signal: AbortSignal): Promise<void> {
    const { check, database, log } = this.options
    if (check === null) return forgetTypeFaults(database)
    const began = performance.now()
    const checked: CheckedFile[] = []
    for (const folder of this.options.folders()) checked.push(...(await this.checkFolder(check, folder, signal)))
    const changed = await recordTypeFaults(database, checked)
    const faulty = checked.filter((file) => file.faults.length > 0).length
    const ms = Math.round(performance.now() - began)
    log.info({ files: checked.length, faulty, changed, ms }, 'types of DAG files checked')
  }

  private async checkFolder(
    check: CheckTypes,
    { folder, files }: ReadFolder,
    signal: AbortSignal,
  ): Promise<CheckedFile[]> {
    // As it stands now: what is read while the compiler works is another version.
    const modules = files.flatMap((file) => {
      const module = this.options.moduleOf(file.name)
      return module === null ? [] : [{ file, module }]
    })
    if (modules.length === 0) return []
    const paths = files.map((file) => file.path)
    const answer = await orAborted(check({ folder, files: paths, signal }), signal)
    for (const fault of answer.folderFaults)
      this.options.log.warn({ folder, fault }, 'the configuration of types has a fault')
    this.options.log.debug({ folder, compiler: answer.compiler }, 'the compiler has answered')
    const byPath = await groupByPath(folder, answer.faults)
    const checked = modules.map(async ({ file, module }) => {
      const faults = [...new Set([file.path, ...module.inputs])].flatMap((path) => byPath.get(path) ?? [])
      // A folder that went away meanwhile has no fault, and no file either.
      return (await isThere(file.path)) ? [{ name: file.name, moduleHash: module.hash, faults }] : []
    })
    return (await Promise.all(checked)).flat()
  }
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

/** Faults by the real path of their file, as modules name their parts. */
async function groupByPath(
  folder: string,
  faults: readonly TypeFault[],
): Promise<ReadonlyMap<string, readonly TypeFault[]>> {
  const found = new Map<string, readonly TypeFault[]>()
  for (const file of new Set(faults.map((fault) => fault.file))) {
    const path = join(folder, file)
    found.set(
      await realpath(path).catch(() => path),
      faults.filter((fault) => fault.file === file),
    )
  }
  return found
}
