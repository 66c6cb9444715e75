// Tells when something in the DAGs folders changes, or in what their modules are made of elsewhere. It is the fast way;
// the listing from time to time is the sure one (a network file system tells no changes). A DAGs folder that is a link, or
// a mount point, is asked each second where it leads: no watcher tells that.

import { type FSWatcher as NodeWatcher, statSync, watch as watchFolder } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { basename, dirname, join, sep } from 'node:path'
import { type FSWatcher, watch } from 'chokidar'
import { messageOf } from '../core/errors.ts'
import type { Logger } from '../runtime/logger.ts'
import { isSkippedFolder } from './dag-files.ts'

export interface FolderWatchOptions {
  readonly log: Logger
  /** The DAGs folders as they were given. */
  readonly folders: readonly string[]
  /** A file was added, changed or removed. */
  onChange(path: string): void
  /** A DAGs folder is another one now, came or went. */
  onSwap(): void
}

/** How often is asked where the folders lead, ms. */
const LOOK_MS = 1_000

const isBelow = (path: string, folder: string) => path === folder || path.startsWith(folder + sep)

export class FolderWatch {
  private readonly options: FolderWatchOptions
  private watcher: FSWatcher | null = null
  private watched: string | null = null
  /** Folders outside, each with one watcher of its own files: an editor replaces a file, and a watched file is then lost. */
  private readonly outside = new Map<string, { readonly watcher: NodeWatcher; readonly ino: number }>()
  private readonly warned = new Set<string>()
  private outsideFiles: ReadonlySet<string> = new Set()
  private timer: NodeJS.Timeout | null = null
  private seen = ''
  private isLooking = false

  constructor(options: FolderWatchOptions) {
    this.options = options
  }

  async start(): Promise<void> {
    this.seen = await this.identify()
    this.timer = setInterval(() => void this.look(), LOOK_MS)
  }

  async close(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer)
    for (const { watcher } of this.outside.values()) watcher.close()
    this.outside.clear()
    await this.watcher?.close()
  }

  /** Watches these folders (as they really are) and these files elsewhere, and nothing else. */
  async follow(folders: readonly string[], files: Iterable<string>): Promise<void> {
    // With what the folders were: one that was mounted or made anew under its path is another.
    const key = [this.seen, ...folders].join('\0')
    if (key !== this.watched) {
      const before = this.watcher
      this.watched = key
      this.watcher = this.watch(folders)
      await before?.close()
    }
    // Packages change with an installation, which the next listing sees: a watch for each of their folders is too many.
    const isOutside = (file: string) =>
      !file.includes('/node_modules/') && !folders.some((folder) => isBelow(file, folder))
    this.outsideFiles = new Set([...files].filter(isOutside))
    const wanted = new Set([...this.outsideFiles].map((file) => dirname(file)))
    for (const [folder, { watcher, ino }] of this.outside) {
      // A folder that was made anew under its name is not the one that is watched.
      if (wanted.has(folder) && statSync(folder, { throwIfNoEntry: false })?.ino === ino) continue
      watcher.close()
      this.outside.delete(folder)
    }
    for (const folder of wanted) this.watchOutside(folder)
  }

  private watch(folders: readonly string[]): FSWatcher {
    const watcher = watch([...folders], {
      ignoreInitial: true,
      ignored: (path) =>
        folders.every((folder) => folder !== path) &&
        isSkippedFolder(basename(path)) &&
        basename(path) !== '.airflowignore',
    })
    watcher.on('all', (_event, path) => this.options.onChange(path))
    watcher.on('error', (error) => this.warn(error))
    return watcher
  }

  private watchOutside(folder: string): void {
    if (this.outside.has(folder)) return
    try {
      const watcher = watchFolder(folder, { persistent: false }, (_event, name) => {
        const path = name === null ? null : join(folder, name)
        if (path !== null && this.outsideFiles.has(path)) this.options.onChange(path)
      })
      watcher.on('error', (error) => {
        this.warn(error)
        watcher.close()
        this.outside.delete(folder)
      })
      this.outside.set(folder, { watcher, ino: statSync(folder).ino })
    } catch (error) {
      // The folder is gone, or the system has no watches left.
      if (!this.warned.has(folder)) this.warn(error)
      this.warned.add(folder)
    }
  }

  private warn(error: unknown): void {
    this.options.log.warn(
      { err: messageOf(error) },
      'a folder of DAG files cannot be watched; it is listed from time to time instead',
    )
  }

  private async look(): Promise<void> {
    if (this.isLooking) return
    this.isLooking = true
    const now = await this.identify()
    this.isLooking = false
    if (now === this.seen) return
    this.seen = now
    this.options.onSwap()
  }

  private async identify(): Promise<string> {
    const found = await Promise.all(
      this.options.folders.map(async (folder) => {
        try {
          const [real, { dev, ino }] = await Promise.all([realpath(folder), stat(folder)])
          return `${real}|${dev}|${ino}`
        } catch {
          return ''
        }
      }),
    )
    return found.join('\0')
  }
}
