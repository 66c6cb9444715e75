// Compiled DAG files on this host: `<home>/modules/<sha256>.mjs`, beside links by which they find the installed product.
//
// A file's name is what its content must hash to. It is trusted only after it was read back by this process: a power cut
// leaves files empty, a full disk leaves them short, and an empty module is a valid one in which nothing is found. What
// does not hash to its name is written anew from the database.

import { createHash } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { BaramError } from '../core/errors.ts'
import { packageRoot } from './paths.ts'

/** What DAG files import: `baram` is the product itself, the façade's names are a small package of it. */
const LINKS: readonly (readonly [string, string])[] = [
  ['baram', '.'],
  ['@apache-airflow/ts-sdk', 'sdk/facade/package'],
  ['apache-airflow-ts-sdk', 'sdk/facade/package'],
]

function link(target: string, path: string): void {
  try {
    if (lstatSync(path).isSymbolicLink() && readlinkSync(path) === target) return
    rmSync(path, { recursive: true, force: true })
  } catch {
    // Not there yet.
  }
  mkdirSync(dirname(path), { recursive: true })
  try {
    symlinkSync(target, path, 'dir')
  } catch (error) {
    // Another process of this host made the same link first.
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
}

const hashOf = (code: string | Buffer) => createHash('sha256').update(code).digest('hex')

function statOf(path: string): Stats | null {
  try {
    return statSync(path)
  } catch {
    return null // Not there: as good as damaged.
  }
}

/** Tells one state of a file from the next without reading it. */
const identityOf = ({ ino, size, mtimeMs, ctimeMs }: Stats): string => `${ino}/${size}/${mtimeMs}/${ctimeMs}`

/** A file that is used is renewed this often, so that its age tells when it was used last, ms. */
const RENEW_MS = 86_400_000

/** @returns how the file stands afterwards */
function renew(path: string, found: Stats): Stats | null {
  const now = new Date()
  if (now.getTime() - found.mtimeMs <= RENEW_MS) return found
  try {
    utimesSync(path, now, now)
  } catch {
    // Removed in this moment; the look tells.
  }
  return statOf(path)
}

/** On disk, not only in memory: the name must not outlive a power cut without its content. */
function writeDurably(path: string, code: string): void {
  const temporary = `${path}.${process.pid}.tmp`
  const file = openSync(temporary, 'w')
  try {
    writeFileSync(file, code)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(temporary, path)
  const folder = openSync(dirname(path), 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

export class ModuleStore {
  readonly folder: string
  /** Modules whose content this process has hashed, with the state of the file it hashed. */
  private readonly verified = new Map<string, string>()

  constructor(home: string) {
    this.folder = join(home, 'modules')
  }

  /** Makes the folder and its links. */
  open(): void {
    mkdirSync(this.folder, { recursive: true })
    for (const [name, target] of LINKS) link(join(packageRoot, target), join(this.folder, 'node_modules', name))
  }

  /** Path of a module that is whole; null when it is not there or not what its name says. */
  find(hash: string): string | null {
    const path = join(this.folder, `${hash}.mjs`)
    const found = statOf(path)
    const stat = found === null ? null : renew(path, found)
    if (stat === null) return null
    const identity = identityOf(stat)
    if (this.verified.get(hash) === identity) return path
    if (hashOf(readFileSync(path)) !== hash) return null
    this.verified.set(hash, identity)
    return path
  }

  /**
   * Writes a module whole or not at all, over one that is damaged.
   * @throws BaramError MODULE_DAMAGED when the code is not the one of this hash
   */
  put(hash: string, code: string): string {
    const known = this.find(hash)
    if (known !== null) return known
    if (hashOf(code) !== hash)
      throw new BaramError(
        'MODULE_DAMAGED',
        `the stored module ${hash} is not what its hash says; save its DAG file again`,
      )
    const path = join(this.folder, `${hash}.mjs`)
    writeDurably(path, code)
    const written = this.find(hash)
    if (written === null)
      throw new BaramError(
        'MODULE_DAMAGED',
        `the module ${path} could not be read back as it was written; check the disk`,
      )
    return written
  }

  /**
   * As `find`, and from the database when it is not here.
   * @throws BaramError NOT_FOUND | MODULE_DAMAGED
   */
  async obtain(hash: string, load: (hash: string) => Promise<string | null>): Promise<string> {
    const path = this.find(hash)
    if (path !== null) return path
    const code = await load(hash)
    if (code === null)
      throw new BaramError('NOT_FOUND', `the module ${hash} of this DAG version is not in the database`)
    return this.put(hash, code)
  }
}
