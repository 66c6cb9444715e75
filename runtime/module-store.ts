// Compiled DAG files on this host: `<home>/modules/<sha256>.mjs`, beside links by which they find the installed product.

import { existsSync, lstatSync, mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { packageRoot } from './paths.ts'

/** What DAG files import: `baram` is the product itself, the façade's names are a small package of it. */
const LINKS: readonly (readonly [string, string])[] = [
  ['baram', '.'],
  ['@apache-airflow/ts-sdk', 'facade'],
  ['apache-airflow-ts-sdk', 'facade'],
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

export class ModuleStore {
  readonly folder: string
  private readonly present = new Set<string>()

  constructor(home: string) {
    this.folder = join(home, 'modules')
  }

  /** Makes the folder and its links. */
  open(): void {
    mkdirSync(this.folder, { recursive: true })
    for (const [name, target] of LINKS) link(join(packageRoot, target), join(this.folder, 'node_modules', name))
  }

  pathOf(hash: string): string {
    return join(this.folder, `${hash}.mjs`)
  }

  has(hash: string): boolean {
    if (this.present.has(hash)) return true
    const isThere = existsSync(this.pathOf(hash))
    if (isThere) this.present.add(hash)
    return isThere
  }

  /** Writes a module whole or not at all. */
  put(hash: string, code: string): string {
    const path = this.pathOf(hash)
    if (!this.has(hash)) {
      const temporary = `${path}.${process.pid}.tmp`
      writeFileSync(temporary, code)
      renameSync(temporary, path)
      this.present.add(hash)
    }
    return path
  }
}
