// Path patterns as Python's glob reads them: `*` and `?` stay within a name and do not match a leading dot, `[a-z]`,
// `[!a]`, and `**` for any number of folders where it is allowed.

import type { Dirent, Stats } from 'node:fs'
import { lstat, readdir, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'

const MAGIC = /[*?[]/

/** What is not there, or may not be read, matches nothing; everything else that goes wrong is told. */
async function unlessMissing<T>(action: () => Promise<T>): Promise<T | null> {
  try {
    return await action()
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'EPERM'].includes(code)) return null
    throw error
  }
}

const statOf = (path: string): Promise<Stats | null> => unlessMissing(() => stat(path))
const entriesOf = async (folder: string): Promise<readonly Dirent[]> =>
  (await unlessMissing(() => readdir(folder, { withFileTypes: true }))) ?? []

/** One character of a pattern, or a whole `[…]`, as a regular expression. */
function part(pattern: string, at: number): readonly [text: string, next: number] {
  const character = pattern[at] ?? ''
  if (character === '*') return ['.*', at + 1]
  if (character === '?') return ['.', at + 1]
  // `]` right behind the opening is one of the characters.
  const set = character === '[' ? /^\[(!?)(\]?[^\]]*)\]/u.exec(pattern.slice(at)) : null
  if (set === null) return [character.replace(/[.*+?^${}()|[\]\\/]/, String.raw`\$&`), at + 1]
  const [whole, not = '', inside = ''] = set
  return [`[${not === '' ? '' : '^'}${inside.replaceAll(/[\\\]^[]/g, String.raw`\$&`)}]`, at + whole.length]
}

/** Matches one name. */
export function nameMatcher(pattern: string): (name: string) => boolean {
  let source = ''
  for (let at = 0; at < pattern.length; ) {
    const [text, next] = part(pattern, at)
    source += text
    at = next
  }
  let expression: RegExp
  try {
    expression = new RegExp(`^${source}$`, 's')
  } catch {
    // A set such as [z-a] holds nothing.
    return () => false
  }
  return (name) => (pattern.startsWith('.') || !name.startsWith('.')) && expression.test(name)
}

async function isFolder(path: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory()
  return (await statOf(path))?.isDirectory() ?? false
}

/** A folder and all below it, without those whose name begins with a dot; each once, however links lead to it. */
async function* foldersBelow(folder: string, seen: Set<string>): AsyncGenerator<string> {
  const real = await unlessMissing(() => realpath(folder))
  if (real === null || seen.has(real)) return
  seen.add(real)
  yield folder
  for (const entry of await entriesOf(folder)) {
    const path = join(folder, entry.name)
    if (!entry.name.startsWith('.') && (await isFolder(path, entry))) yield* foldersBelow(path, seen)
  }
}

async function* matchesOf(folder: string, segments: readonly string[], recursive: boolean): AsyncGenerator<string> {
  const [segment, ...rest] = segments
  if (segment === undefined) {
    yield folder
    return
  }
  if (segment === '**' && recursive) {
    for await (const below of foldersBelow(folder, new Set())) {
      if (rest.length > 0) yield* matchesOf(below, rest, recursive)
      // At the end it stands for files as well.
      else for (const entry of await entriesOf(below)) if (!entry.name.startsWith('.')) yield join(below, entry.name)
    }
    return
  }
  if (!MAGIC.test(segment)) {
    const path = join(folder, segment)
    if ((await unlessMissing(() => lstat(path))) !== null) yield* matchesOf(path, rest, recursive)
    return
  }
  const isMatch = nameMatcher(segment)
  for (const entry of await entriesOf(folder))
    if (isMatch(entry.name)) yield* matchesOf(join(folder, entry.name), rest, recursive)
}

/** Paths that match, as they are found. `pattern`: absolute. */
export function glob(pattern: string, recursive: boolean): AsyncGenerator<string> {
  return matchesOf(
    sep,
    pattern.split(sep).filter((segment) => segment !== ''),
    recursive,
  )
}

/** Airflow's rule: a file is there; a folder only when a file is inside it, at any depth. */
export async function holdsFile(path: string): Promise<boolean> {
  const found = await statOf(path)
  if (found === null) return false
  if (!found.isDirectory()) return found.isFile()
  const folders: string[] = []
  for (const entry of await entriesOf(path)) {
    const inside = join(path, entry.name)
    if (!(await isFolder(inside, entry))) return true
    // As os.walk: a link to a folder is no file, and is not followed.
    if (!entry.isSymbolicLink()) folders.push(inside)
  }
  for (const folder of folders) if (await holdsFile(folder)) return true
  return false
}

/** The first match that holds a file, or null. */
export async function findFile(pattern: string, recursive: boolean, signal: AbortSignal): Promise<string | null> {
  for await (const path of glob(pattern, recursive)) {
    signal.throwIfAborted()
    if (await holdsFile(path)) return path
  }
  return null
}
