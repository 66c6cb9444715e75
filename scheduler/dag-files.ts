// Which files of a DAGs folder are DAG files: scripts, minus what `.airflowignore` names (gitignore syntax, as Airflow 3).
// The folder may be a link that is swapped (git-sync): each listing follows it anew.

import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { basename, join, relative, sep } from 'node:path'
import ignore, { type Ignore } from 'ignore'

const SCRIPT = /\.(ts|mts|js|mjs)$/
const IGNORE_FILE = '.airflowignore'

/** A folder of DAG files; `prefix` tells its files from those of other roots. */
export interface DagRoot {
  /** As it was given: a link in it is followed at each listing. */
  readonly folder: string
  readonly prefix: string
}

/** Before the names of the product's own examples. */
export const EXAMPLES_PREFIX = 'examples/'

export interface DagFile {
  readonly root: DagRoot
  /** What the root's folder was when it was listed, links followed. */
  readonly folder: string
  /** Absolute, in `folder`. */
  readonly path: string
  /** Absolute, as its author knows it: in the root's folder as it was given. */
  readonly fileloc: string
  /** With the root's prefix, `/` on every platform: the file's name in the database. */
  readonly name: string
}

/** A root as it was found. */
export interface Listing {
  readonly folder: string
  readonly files: readonly DagFile[]
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

async function walk(folder: string, rules: readonly Rules[], found: string[]): Promise<void> {
  const own = await readIgnore(folder)
  const inside = own === null ? rules : [...rules, { folder, ignore: own }]
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    const isFolder =
      entry.isDirectory() || (entry.isSymbolicLink() && (await stat(path).catch(() => null))?.isDirectory() === true)
    if (isFolder ? isSkippedFolder(entry.name) : !isScript(path)) continue
    if (isIgnored(path, inside, isFolder)) continue
    if (isFolder) await walk(path, inside, found)
    else found.push(path)
  }
}

/** A root's folder and every DAG file below it, by name. @throws Error when any part of it cannot be listed: an incomplete listing hides DAGs */
export async function listRoot(root: DagRoot): Promise<Listing> {
  const folder = await realpath(root.folder)
  const found: string[] = []
  await walk(folder, [], found)
  // A link that was swapped meanwhile: half of the one and half of the other is no listing.
  if ((await realpath(root.folder)) !== folder) return listRoot(root)
  const files = found.map((path) => {
    const inside = relative(folder, path)
    return { root, folder, path, fileloc: join(root.folder, inside), name: root.prefix + inside.split(sep).join('/') }
  })
  return { folder, files: files.sort((a, b) => (a.name < b.name ? -1 : 1)) }
}

/** The files alone. @throws Error as above */
export const listDagFiles = async (root: DagRoot): Promise<readonly DagFile[]> => (await listRoot(root)).files
