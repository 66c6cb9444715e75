// The embedded lake: a folder of this host. What is renamed has been synced before, so a power cut leaves old or new, never half.

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { link, lstat, mkdir, open, readdir, rename, rm, rmdir, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Lake, LakeChecksum, LakeEntry, LakeOptions } from './lake.ts'
import { childOf, lakePath } from './paths.ts'

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** Runs `action`; the named codes mean "refused" and become `fallback`, all others are real. */
async function unless<T>(codes: readonly string[], fallback: T, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    if (codes.includes(codeOf(error) ?? '')) return fallback
    throw error
  }
}

/** A rename is durable only once its folder is. Some file systems refuse to sync a folder: then there is nothing to wait for. */
async function syncFolder(folder: string): Promise<void> {
  await unless(['EINVAL', 'EPERM', 'EISDIR', 'ENOENT'], undefined, async () => {
    const handle = await open(folder, 'r')
    await handle.sync().finally(() => handle.close())
  })
}

export class DirectoryLake implements Lake {
  readonly name: string
  /** Absolute folder that is `/` of the lake. */
  readonly root: string

  constructor(root: string, name = `directory ${root}`) {
    this.root = root
    this.name = name
  }

  /** Where a lake path is on this host: what the embedded warehouse reads. */
  file(path: string): string {
    return join(this.root, lakePath(path))
  }

  async write(path: string, source: AsyncIterable<Uint8Array>, { signal }: LakeOptions = {}): Promise<number> {
    const file = this.file(path)
    signal?.throwIfAborted()
    const handle = await this.#create(file)
    try {
      for await (const chunk of source) {
        signal?.throwIfAborted()
        // On a handle writeFile continues where the last one ended, and writes all of the chunk (write may not).
        await handle.writeFile(chunk)
      }
      await handle.sync()
      return (await handle.stat()).size
    } catch (error) {
      await rm(file, { force: true })
      throw error
    } finally {
      await handle.close()
    }
  }

  async stat(path: string): Promise<LakeEntry | null> {
    const found = await unless(['ENOENT', 'ENOTDIR'], null, () => stat(this.file(path)))
    if (found === null) return null
    return found.isDirectory() ? { path, kind: 'folder', length: 0 } : { path, kind: 'file', length: found.size }
  }

  async checksum(path: string, options: LakeOptions = {}): Promise<LakeChecksum> {
    const hash = createHash('sha256')
    await pipeline(await this.read(path, options), hash)
    return { kind: 'sha256', value: hash.digest('hex') }
  }

  async rename(from: string, to: string, { overwrite = false } = {}): Promise<boolean> {
    const [source, target] = [this.file(from), this.file(to)]
    const moved = overwrite ? await this.#moveOver(source, target) : await this.#moveNew(source, target)
    if (moved) await syncFolder(dirname(target))
    return moved
  }

  async read(path: string, { signal }: LakeOptions = {}): Promise<Readable> {
    return createReadStream(this.file(path), signal === undefined ? {} : { signal })
  }

  async list(path: string): Promise<readonly LakeEntry[]> {
    const names = await unless<readonly string[]>(['ENOENT', 'ENOTDIR'], [], () => readdir(this.file(path)))
    const entries = await Promise.all([...names].sort().map((name) => this.stat(childOf(path, name))))
    return entries.filter((entry) => entry !== null)
  }

  async mkdirs(path: string): Promise<void> {
    await mkdir(this.file(path), { recursive: true })
  }

  async delete(path: string, { recursive = false } = {}): Promise<boolean> {
    const file = this.file(path)
    return unless(['ENOENT', 'ENOTDIR', 'ENOTEMPTY', 'EEXIST'], false, async () => {
      const isFolder = (await lstat(file)).isDirectory()
      if (!isFolder) await unlink(file)
      else if (recursive) await rm(file, { recursive: true })
      else await rmdir(file)
      return true
    })
  }

  /** Another run may remove its empty staging folder between our mkdir and our open: make it once more then. */
  async #create(file: string) {
    await mkdir(dirname(file), { recursive: true })
    const first = await unless(['ENOENT'], null, () => open(file, 'w'))
    if (first !== null) return first
    await mkdir(dirname(file), { recursive: true })
    return open(file, 'w')
  }

  async #moveOver(source: string, target: string): Promise<boolean> {
    return unless(['ENOENT', 'ENOTDIR', 'ENOTEMPTY', 'EEXIST', 'EISDIR'], false, async () => {
      await rename(source, target)
      return true
    })
  }

  /** POSIX rename overwrites; a hard link is the atomic "only if absent". Folders cannot be linked, but rename refuses a non-empty one. */
  async #moveNew(source: string, target: string): Promise<boolean> {
    const isFolder = await unless(['ENOENT', 'ENOTDIR'], null, async () => (await lstat(source)).isDirectory())
    if (isFolder === null) return false
    if (isFolder) {
      const taken = await unless(['ENOENT', 'ENOTDIR'], false, async () => (await lstat(target)) !== undefined)
      return taken ? false : this.#moveOver(source, target)
    }
    const linked = await unless(['EEXIST', 'ENOENT', 'ENOTDIR'], false, async () => {
      await link(source, target)
      return true
    })
    if (linked) await unless(['ENOENT'], undefined, () => unlink(source))
    return linked
  }
}
