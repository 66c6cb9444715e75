// When a file that is no longer listed counts as gone: after three complete listings without it (docs/reliability.md rule 13)
// and after a time, because three listings may take two seconds and a remount takes longer. A folder of which nothing is
// left looks like one that is not mounted: it gets more time than one file of several.

/** Complete listings without a file before its DAGs may count as gone. */
const LEAST_LISTINGS = 3
/** How much longer than for one file of several, when nothing is left in its folder. */
export const WHOLE_FOLDER_FACTOR = 6

interface Absence {
  readonly listings: number
  readonly forMs: number
}

export interface MissingFilesOptions {
  /** How long a file must be missing while others of its folder are there, ms. */
  readonly thresholdMs: number
  /** Of the time between two listings at most this counts, ms: a process that was stopped has looked at nothing. */
  readonly longestStepMs: number
  /** What the names of each listed root begin with. */
  readonly prefixes: readonly string[]
}

export class MissingFiles {
  private readonly options: MissingFilesOptions
  private readonly absences = new Map<string, Absence>()
  /** When the last complete listing was, on a monotonic clock; null after one that failed. */
  private lastAt: number | null = null

  constructor(options: MissingFilesOptions) {
    this.options = options
  }

  get isAnyMissing(): boolean {
    return this.absences.size > 0
  }

  /** A listing failed: what was not seen meanwhile was not missing. */
  interrupt(): void {
    this.lastAt = null
  }

  /** Takes in a complete listing at `at` (monotonic ms); the names that are gone now. `known`: every name that was there once. */
  note(present: ReadonlySet<string>, known: ReadonlySet<string>, at: number): string[] {
    const stepMs = this.lastAt === null ? 0 : Math.min(at - this.lastAt, this.options.longestStepMs)
    this.lastAt = at
    for (const name of this.absences.keys()) if (present.has(name) || !known.has(name)) this.absences.delete(name)
    const gone: string[] = []
    for (const name of known) {
      if (present.has(name)) continue
      const before = this.absences.get(name)
      const absence =
        before === undefined
          ? { listings: 1, forMs: 0 }
          : { listings: before.listings + 1, forMs: before.forMs + stepMs }
      this.absences.set(name, absence)
      const neededMs = this.options.thresholdMs * (this.hasNeighbours(name, present) ? 1 : WHOLE_FOLDER_FACTOR)
      if (absence.listings >= LEAST_LISTINGS && absence.forMs >= neededMs) gone.push(name)
    }
    return gone
  }

  /** A name that was dealt with, or need not be: it begins anew. */
  forget(name: string): void {
    this.absences.delete(name)
  }

  /** Whether anything is left in, or below, the folder of a file. Of a root that is no longer listed nothing is expected. */
  private hasNeighbours(name: string, present: ReadonlySet<string>): boolean {
    const root = this.rootOf(name)
    if (root === null) return true
    const folder = name.includes('/') ? name.slice(0, name.lastIndexOf('/') + 1) : ''
    const begin = folder.length > root.length ? folder : root
    for (const other of present) if (other.startsWith(begin) && this.rootOf(other) === root) return true
    return false
  }

  private rootOf(name: string): string | null {
    const fitting = this.options.prefixes.filter((prefix) => name.startsWith(prefix))
    return fitting.sort((a, b) => b.length - a.length)[0] ?? null
  }
}
