// Which files of a DAGs folder are DAG files: scripts, minus what `.airflowignore` names (gitignore syntax, as Airflow 3).

import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join, relative, sep } from 'node:path'
import ignore, { type Ignore } from 'ignore'

const SCRIPT = /\.(ts|mts|js|mjs)$/
const IGNORE_FILE = '.airflowignore'

/** A folder of DAG files; `prefix` tells its files from those of other roots. */
export interface DagRoot {
  readonly folder: string
  readonly prefix: string
}

/** Before the names of the product's own examples. */
export const EXAMPLES_PREFIX = 'examples/'

export interface DagFile {
  readonly root: DagRoot
  /** Absolute. */
  readonly path: string
  /** With the root's prefix, `/` on every platform: the file's name in the database. */
  readonly name: string
}

export const isScript = (path: string): boolean =>
  SCRIPT.test(path) && !/\.d\.m?ts$/.test(path) && !basename(path).startsWith('.')

/** What a path watcher must not enter. */
export const isSkippedFolder = (name: string): boolean =>
  name === 'node_modules' || (name.startsWith('.') && name !== '.' && name !== '..')

async function readIgnore(folder: string): Promise<Ignore | null> {
  try {
    return ignore().add(await readFile(join(folder, IGNORE_FILE), 'utf8'))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}

interface Rules {
  readonly folder: string
  readonly ignore: Ignore
}

const isIgnored = (path: string, rules: readonly Rules[], isFolder: boolean): boolean =>
  rules.some((rule) => rule.ignore.ignores(relative(rule.folder, path).split(sep).join('/') + (isFolder ? '/' : '')))

async function walk(root: DagRoot, folder: string, rules: readonly Rules[], found: DagFile[]): Promise<void> {
  const own = await readIgnore(folder)
  const inside = own === null ? rules : [...rules, { folder, ignore: own }]
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    const isFolder =
      entry.isDirectory() || (entry.isSymbolicLink() && (await stat(path).catch(() => null))?.isDirectory() === true)
    if (isFolder ? isSkippedFolder(entry.name) : !isScript(path)) continue
    if (isIgnored(path, inside, isFolder)) continue
    if (isFolder) await walk(root, path, inside, found)
    else found.push({ root, path, name: root.prefix + relative(root.folder, path).split(sep).join('/') })
  }
}

/** Every DAG file below a root, by name. @throws Error when any part of it cannot be listed: an incomplete listing hides DAGs */
export async function listDagFiles(root: DagRoot): Promise<DagFile[]> {
  const found: DagFile[] = []
  await walk(root, root.folder, [], found)
  return found.sort((a, b) => (a.name < b.name ? -1 : 1))
}
