// Instances of a run that are ready and have no slot, in the order in which they get one. A mapped task has thousands waiting for a
// handful of slots: what is looked at is the head, and nothing is sorted anew.

/** What the order depends on. */
export interface Ranked {
  readonly id: string
  readonly priorityWeight: number
  readonly mapIndex: number
}

/** Heavier first, then the map index; ids make it total. As `compareCandidates` within one run. */
export function compareInstances(a: Ranked, b: Ranked): number {
  return b.priorityWeight - a.priorityWeight || a.mapIndex - b.mapIndex || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
}

/** So many new ones are sorted and merged; fewer are put in their places one by one. */
const MANY = 16
/** Room at the head that is given back at once. */
const LARGEST_GAP = 1_024

export class ReadyList<T extends Ranked> {
  private readonly members = new Set<T>()
  /** In order from `head` on. */
  private ordered: T[] = []
  private head = 0
  private added: T[] = []

  get size(): number {
    return this.members.size
  }

  add(ti: T): void {
    if (this.members.has(ti)) return
    this.members.add(ti)
    this.added.push(ti)
  }

  delete(ti: T): boolean {
    if (!this.members.delete(ti)) return false
    this.settle()
    const at = this.placeOf(ti)
    // An instance whose order has changed meanwhile stands elsewhere.
    const found = this.ordered[at] === ti ? at : this.ordered.indexOf(ti, this.head)
    if (found === this.head) this.head++
    else this.ordered.splice(found, 1)
    if (this.head > LARGEST_GAP) {
      this.ordered = this.ordered.slice(this.head)
      this.head = 0
    }
    return true
  }

  /** The first `count`, fewer when there are fewer. */
  first(count: number): readonly T[] {
    this.settle()
    return this.ordered.slice(this.head, this.head + Math.max(0, count))
  }

  /** Where it stands, or would stand. */
  private placeOf(ti: T): number {
    let [low, high] = [this.head, this.ordered.length]
    while (low < high) {
      const middle = (low + high) >> 1
      // Between head and length there is no gap.
      if (compareInstances(this.ordered[middle] as T, ti) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  private settle(): void {
    const { added } = this
    if (added.length === 0) return
    this.added = []
    if (added.length < MANY) for (const ti of added) this.ordered.splice(this.placeOf(ti), 0, ti)
    else {
      // Runs that are in order already are merged, not compared one with each other.
      this.ordered = [...this.ordered.slice(this.head), ...added.sort(compareInstances)].sort(compareInstances)
      this.head = 0
    }
  }
}
