// What a child has started, however far it went, and its end.
//
// A process leaves its parent's group with setsid, its parent with a double fork; what it cannot leave by itself is its
// environment: every child carries a mark of its own in the environment, which what it starts inherits. So three things
// are looked at, each of which the others miss: ancestry (a living parent), session (a session that a descendant opened
// holds only descendants), and the mark. Only processes younger than the child can be meant.
//
// Where it ends: a process that has left its session and its parent *and* was started with an environment of its own
// making (`env -i setsid …` twice forked), or has written over its environment (Postgres does, for its title), or that this user may not signal
// (setuid), is not found: Node cannot make itself the reaper of orphans (PR_SET_CHILD_SUBREAPER). Operators that start
// programs hand the mark on themselves. Elsewhere than on Linux only the process group is ended.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { CHILD_MARK } from '../core/protocol.ts'
import { randomText } from './ids.ts'

export interface ProcessRow {
  readonly pid: number
  readonly parent: number
  readonly group: number
  readonly session: number
  /** When it began, in clock ticks since the boot. */
  readonly startTicks: number
}

/** A child, by what its descendants are known. */
export interface Family {
  readonly pid: number
  readonly startTicks: number
  readonly mark: string
}

const readOrNull = (path: string): string | null => {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return null // It has ended, or belongs to somebody else.
  }
}

/** A process as the kernel tells it; null when there is none, or only its exit code is left. */
export function readProcess(pid: number): ProcessRow | null {
  const stat = readOrNull(`/proc/${pid}/stat`)
  if (stat === null) return null
  // The command in parentheses may hold spaces and parentheses itself: fields count from the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (fields[0] === 'Z' || fields[0] === 'X') return null
  const at = (index: number) => Number(fields[index])
  return { pid, parent: at(1), group: at(2), session: at(3), startTicks: at(19) }
}

function readProcesses(): ProcessRow[] {
  if (process.platform !== 'linux') return []
  const rows: ProcessRow[] = []
  for (const name of readdirSync('/proc')) {
    const row = /^\d+$/.test(name) ? readProcess(Number(name)) : null
    if (row !== null) rows.push(row)
  }
  return rows
}

/** The mark a process was started with. */
function markOf(pid: number): string | null {
  const environment = readOrNull(`/proc/${pid}/environ`)
  const found = environment?.split('\0').find((entry) => entry.startsWith(`${CHILD_MARK}=`))
  return found?.slice(CHILD_MARK.length + 1) ?? null
}

/** Those of the rows that the child has started, itself not among them. */
export function descendantsOf(
  rows: readonly ProcessRow[],
  family: Family,
  readMark: (pid: number) => string | null,
): ProcessRow[] {
  const others = rows.filter((row) => row.pid !== family.pid && row.startTicks >= family.startTicks)
  // The number of a child that has ended may be another process' by now: then it tells nothing.
  const isReused = rows.some((row) => row.pid === family.pid && row.startTicks !== family.startTicks)
  const parents = new Set(isReused ? [] : [family.pid])
  const sessions = new Set(parents)
  const found = new Set<ProcessRow>()
  const add = (row: ProcessRow) => {
    found.add(row)
    parents.add(row.pid)
    sessions.add(row.session)
  }
  const follow = () => {
    for (let hasGrown = true; hasGrown; ) {
      hasGrown = false
      for (const row of others) {
        if (found.has(row) || !(parents.has(row.parent) || sessions.has(row.session))) continue
        add(row)
        hasGrown = true
      }
    }
  }
  follow()
  for (const row of others) if (!found.has(row) && readMark(row.pid) === family.mark) add(row)
  follow()
  return [...found]
}

/** Those that live now: one look at every process of the machine, a few milliseconds. */
export const findDescendants = (family: Family): readonly ProcessRow[] => descendantsOf(readProcesses(), family, markOf)

/** Its number may have been given away since it was read. */
export function killProcess(row: ProcessRow): void {
  if (readProcess(row.pid)?.startTicks !== row.startTicks) return
  try {
    process.kill(row.pid, 'SIGKILL')
  } catch {
    // It has just ended, or is not ours to end.
  }
}

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms))

/** What was about to end by itself is no survivor, ms. */
const PATIENCE_MS = 25
const LOOK_MS = 5

/**
 * Kills what the child has started, and looks until nothing of it is left: what is being killed may start more.
 * @returns how many there were
 */
export async function endDescendants(
  family: Family,
  { limitMs, isPatient }: { readonly limitMs: number; readonly isPatient: boolean },
): Promise<number> {
  if (isPatient && findDescendants(family).length > 0) await pause(PATIENCE_MS)
  const killed = new Set<number>()
  const deadline = performance.now() + limitMs
  for (;;) {
    const rows = findDescendants(family)
    for (const row of rows) {
      killProcess(row)
      killed.add(row.pid)
    }
    if (rows.length === 0 || performance.now() > deadline) return killed.size
    await pause(LOOK_MS)
  }
}

/** A child's mark: its supervisor, so that what outlives both is found by who comes after, and what tells it from others. */
export function makeMark(): string {
  return `${process.pid}.${readProcess(process.pid)?.startTicks ?? 0}.${randomText(12)}`
}

/** Whether the supervisor that made a mark is gone. A mark that is none counts as alive: it is not ours. */
function isOrphan(mark: string): boolean {
  const [pid, ticks] = mark.split('.').map(Number)
  if (pid === undefined || ticks === undefined || !(pid > 0 && ticks > 0)) return false
  return readProcess(pid)?.startTicks !== ticks
}

const namespaceOf = (pid: number | 'self'): string | null => {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`)
  } catch {
    return null
  }
}

/**
 * Ends what the children of dead supervisors left on this host, for a kill -9 that hit supervisor and watchdog at once.
 * Pids mean something only in their own namespace: processes of other containers are left alone.
 */
export function endOrphans(): number {
  const own = namespaceOf('self')
  const orphans = readProcesses().filter(({ pid }) => {
    const mark = markOf(pid)
    return mark !== null && isOrphan(mark) && own !== null && namespaceOf(pid) === own
  })
  for (const row of orphans) killProcess(row)
  return orphans.length
}
