// Airflow's trigger rules as one table (docs/compatibility.md#trigger-rules). All of Airflow's corners about upstream states live here.

/** Counts over the task instances of the *direct* upstream tasks. */
export interface UpstreamCounts {
  readonly total: number
  readonly success: number
  readonly failed: number
  readonly upstreamFailed: number
  readonly skipped: number
  readonly removed: number
  /** Of those, upstream tasks that are setups. */
  readonly setups: { readonly total: number; readonly success: number; readonly skipped: number }
}

/** What a rule says: wait on, run, or be forced into a state. */
export type RuleVerdict = 'wait' | 'run' | 'skipped' | 'upstream_failed'

export const TRIGGER_RULES = [
  'all_success',
  'all_failed',
  'all_done',
  'all_done_min_one_success',
  'all_done_setup_success',
  'all_skipped',
  'one_success',
  'one_failed',
  'one_done',
  'none_failed',
  'none_failed_min_one_success',
  'none_skipped',
  'always',
] as const
export type TriggerRule = (typeof TRIGGER_RULES)[number]

const done = (u: UpstreamCounts) => u.success + u.failed + u.upstreamFailed + u.skipped + u.removed
const allDone = (u: UpstreamCounts) => done(u) >= u.total
const anyFailed = (u: UpstreamCounts) => u.failed + u.upstreamFailed > 0
/** Removed upstreams are forgiven: nobody waits for an instance that will never be. */
const expected = (u: UpstreamCounts) => u.total - u.removed
const runIf = (condition: boolean): RuleVerdict => (condition ? 'run' : 'wait')

/** A rule looks at the counts and speaks at once: forced states are checked first, without waiting for the other upstreams. */
export const triggerRules: { readonly [R in TriggerRule]: (u: UpstreamCounts) => RuleVerdict } = {
  // A failure beats a skip, and neither waits for the rest. Which instances are none any more is told by the list they are
  // mapped over, never by a count of upstreams (docs/differences.md).
  all_success: (u) => {
    if (anyFailed(u)) return 'upstream_failed'
    if (u.skipped > 0) return 'skipped'
    return runIf(u.success >= expected(u))
  },
  all_failed: (u) => {
    if (u.success + u.skipped > 0) return 'skipped'
    return runIf(u.failed + u.upstreamFailed >= expected(u))
  },
  all_done: (u) => runIf(allDone(u)),
  all_done_min_one_success: (u) => {
    if (u.skipped > 0) return 'skipped'
    if (allDone(u) && u.success === 0) return 'upstream_failed'
    return runIf(u.success >= 1 && u.success + u.failed + u.upstreamFailed + u.removed >= u.total)
  },
  all_done_setup_success: (u) => {
    if (!allDone(u)) return 'wait'
    if (u.setups.total > 0 && u.setups.skipped === u.setups.total) return 'skipped'
    if (u.setups.total > 0 && u.setups.success === 0) return 'upstream_failed'
    return 'run'
  },
  all_skipped: (u) => {
    if (u.success + u.failed + u.upstreamFailed > 0) return 'skipped'
    return runIf(u.skipped >= u.total)
  },
  one_success: (u) => {
    if (u.success >= 1) return 'run'
    if (!allDone(u)) return 'wait'
    return u.skipped === u.total ? 'skipped' : 'upstream_failed'
  },
  one_failed: (u) => {
    if (anyFailed(u)) return 'run'
    return allDone(u) ? 'skipped' : 'wait'
  },
  // upstream_failed does not count as done here: such an upstream never ran.
  one_done: (u) => {
    if (u.success + u.failed >= 1) return 'run'
    return allDone(u) ? 'skipped' : 'wait'
  },
  none_failed: (u) => {
    if (anyFailed(u)) return 'upstream_failed'
    return runIf(u.success + u.skipped >= expected(u))
  },
  none_failed_min_one_success: (u) => {
    if (anyFailed(u)) return 'upstream_failed'
    if (u.skipped === u.total) return 'skipped'
    if (allDone(u) && u.success === 0) return 'upstream_failed'
    return runIf(u.success > 0 && u.success + u.skipped >= expected(u))
  },
  none_skipped: (u) => {
    if (u.skipped > 0) return 'skipped'
    return runIf(allDone(u))
  },
  always: () => 'run',
}

/** A task without upstreams runs whatever its rule says (Airflow evaluates no rule there). */
export function judgeRule(rule: TriggerRule, counts: UpstreamCounts): RuleVerdict {
  return counts.total === 0 ? 'run' : triggerRules[rule](counts)
}
