// One Baram a home: a lock file that outlives nobody.
//
// The lock is `baram.lock`, made complete under another name and *linked* into place, so that it appears whole or not
// at all and only one process can make it. A holder that died leaves its file behind; each file carries a random id,
// and the successor of the file with id X is the file `baram.lock.after-X`, which again only one process can link. So
// the holder is the last of the chain, two processes can never both succeed the same dead one, and one that dies while
// taking over is itself succeeded. The winner then makes itself the first file and removes the chain; whoever walked
// the old chain meanwhile notices that the first file has changed and begins anew.

import { randomBytes } from 'node:crypto'
import { link, readFile, rename, rm, stat, unlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BaramError } from '../core/errors.ts'
import { hasEnded, type ProcessIdentity, sharesPids, thisProcess } from '../runtime/processes.ts'

/** How often the holder touches its file, for observers who cannot see its process (another container, another host). */
const TOUCH_MS = 5_000
/** How old the touch may be until such an observer takes the holder for dead: six touches missed. */
const SILENT_MS = 30_000
/** How long a command is waited for that holds the home for as long as it runs: most take a second or two. */
const BRIEF_MS = 30_000
const LOOK_MS = 50

interface Holder extends ProcessIdentity {
  id: string
  /** A command that gives the home back soon, by itself. */
  isBrief: boolean
}

export interface HomeLock {
  /** Gives the home free. Safe to call twice. */
  release(): Promise<void>
}

const NOBODY = { pid: 0, startTime: '', bootId: '', pidNamespace: '', isBrief: false }

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

function parseHolder(text: string): Holder | null {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return null
    const fields = { ...NOBODY, id: '', ...value }
    return /^[0-9a-f]+$/.test(fields.id) ? fields : null
  } catch {
    return null
  }
}

/** The holder a file names; null when there is no such file. A damaged file counts as one of a process unknown. */
async function readHolder(file: string): Promise<Holder | null> {
  try {
    const text = await readFile(file, 'utf8')
    return parseHolder(text) ?? { ...NOBODY, id: 'damaged' }
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
}

async function isHolding(file: string, holder: Holder, me: ProcessIdentity): Promise<boolean> {
  if (sharesPids(me, holder)) return !hasEnded(holder.pid, holder.startTime)
  try {
    return Date.now() - (await stat(file)).mtimeMs < SILENT_MS
  } catch {
    return false
  }
}

/** Follows the chain of dead holders to the first free name; refuses when a living one stands in it. */
async function findFreeName(
  first: string,
  home: string,
  me: ProcessIdentity,
): Promise<{ name: string; chain: Holder[] }> {
  const chain: Holder[] = []
  for (let name = first; ; name = `${first}.after-${chain.at(-1)?.id}`) {
    const holder = await readHolder(name)
    if (holder === null) return { name, chain }
    if (await isHolding(name, holder, me)) {
      throw new BaramError(
        'POSTGRES_LOCKED',
        `another Baram (process ${holder.pid}) uses the home ${home}; stop that process first, ` +
          'or give this one a home of its own with BARAM_HOME',
        { details: { home, pid: holder.pid, isBrief: holder.isBrief } },
      )
    }
    chain.push(holder)
  }
}

async function tryLink(source: string, target: string): Promise<boolean> {
  try {
    await link(source, target)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

/** One try: true when the lock is ours, false when the chain moved under our feet. */
async function tryAcquire(first: string, own: string, home: string, me: Holder): Promise<boolean> {
  const { name, chain } = await findFreeName(first, home, me)
  if (!(await tryLink(own, name))) return false
  if (name === first) return true
  if ((await readHolder(first))?.id !== chain[0]?.id) {
    await unlink(name)
    return false
  }
  await rename(own, first)
  for (const dead of chain) await rm(`${first}.after-${dead.id}`, { force: true })
  return true
}

/** Whether a living command holds the home for the moment. */
const isBriefly = (error: unknown): boolean =>
  error instanceof BaramError && error.code === 'POSTGRES_LOCKED' && error.details['isBrief'] === true

async function acquire(first: string, own: string, home: string, me: Holder): Promise<void> {
  const start = performance.now()
  for (;;) {
    try {
      if (await tryAcquire(first, own, home, me)) return
    } catch (error) {
      if (!isBriefly(error) || performance.now() - start > BRIEF_MS) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}

/**
 * Takes the home for this process, also from a holder that died without releasing it. A command that holds it briefly
 * is waited for, 30 s at most.
 * @param isBrief this process is such a command
 * @throws BaramError POSTGRES_LOCKED when a living process holds it, HOME_MISSING when there is no such folder.
 */
export async function acquireHomeLock(home: string, isBrief = false): Promise<HomeLock> {
  const first = join(home, 'baram.lock')
  const me: Holder = { id: randomBytes(12).toString('hex'), ...thisProcess(), isBrief }
  const own = `${first}.${me.id}`
  try {
    await writeFile(own, `${JSON.stringify(me)}\n`, { flag: 'wx', mode: 0o644 })
  } catch (error) {
    if (!isMissing(error)) throw error
    throw new BaramError('HOME_MISSING', `there is no Baram home at ${home}; make one with "dagctl db init"`, {
      details: { home },
    })
  }
  try {
    await acquire(first, own, home, me)
  } finally {
    await rm(own, { force: true })
  }
  const touch = setInterval(() => void utimes(first, new Date(), new Date()).catch(() => {}), TOUCH_MS)
  touch.unref()
  return {
    async release() {
      clearInterval(touch)
      if ((await readHolder(first))?.id === me.id) await rm(first, { force: true })
    },
  }
}
