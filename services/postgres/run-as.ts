// Who runs the server: Postgres refuses root, so a root-run Baram starts it as an unprivileged user, who must be able
// to reach every folder on the way to its binaries, data and socket.

import { readFileSync, type Stats, statSync } from 'node:fs'
import { dirname } from 'node:path'

/** The user and group of the server's processes. */
export interface RunAs {
  uid: number
  gid: number
}

function lookUpNobody(): RunAs {
  try {
    const line = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .find((entry) => entry.startsWith('nobody:'))
    const [, , uid, gid] = line?.split(':').map(Number) ?? []
    if (uid !== undefined && gid !== undefined && uid > 0 && gid > 0) return { uid, gid }
  } catch {
    // No /etc/passwd (a bare container): the ids every Linux reserves for nobody do without a name.
  }
  return { uid: 65_534, gid: 65_534 }
}

/**
 * Null when this process may run Postgres itself; for root the owner of the data there is (it was made by an
 * unprivileged Baram before), else `nobody`.
 */
export function chooseRunAs(dataFolder: string): RunAs | null {
  if (process.getuid?.() !== 0) return null
  try {
    const { uid, gid } = statSync(dataFolder)
    if (uid !== 0) return { uid, gid }
  } catch {
    // No data yet.
  }
  return lookUpNobody()
}

function allows(stats: Stats, runAs: RunAs, bits: number): boolean {
  const shift = stats.uid === runAs.uid ? 6 : stats.gid === runAs.gid ? 3 : 0
  return ((stats.mode >> shift) & bits) === bits
}

/** Whether the user may enter every folder above the path and has the given rights (4 read, 1 enter or execute) on it. */
export function canReach(path: string, runAs: RunAs | null, rights: number): boolean {
  if (runAs === null) return true
  try {
    if (!allows(statSync(path), runAs, rights)) return false
    for (let folder = dirname(path); ; folder = dirname(folder)) {
      if (!allows(statSync(folder), runAs, 1)) return false
      if (folder === dirname(folder)) return true
    }
  } catch {
    return false
  }
}
