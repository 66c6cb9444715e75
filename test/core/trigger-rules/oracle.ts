// What Airflow's trigger rules say (docs/compatibility.md#trigger-rules), written from a table of Airflow's rules and its
// notes alone by somebody who had not seen the product's table (core/trigger-rules.ts). It judges lists of upstream states instead of counts, so that a slip
// of arithmetic in one reading cannot hide in the other.
//
// Where the document leaves room, this is the reading:
// - A task without direct upstreams has nothing to judge: it runs, whatever its rule.
// - "(r ok)" takes the removed upstreams out of the list before the "runs when" column is read, mapped or not: Airflow 3.3.2
//   forgives them to every task instance (test/oracle/trigger-rules.test.ts). In `all_done_min_one_success`, whose sum already
//   holds r, that means a removed upstream is never counted twice.
// - `none_failed_min_one_success` means what its name says, also where removed upstreams leave no success: it is then
//   upstream_failed.
// - "removed" is nobody's verdict: which instances are none any more, the list they are mapped over says (docs/differences.md).

/** An upstream as the document's columns see it: finished in one of five ways, or not finished. */
export type Upstream = 'unfinished' | 'success' | 'failed' | 'upstream_failed' | 'skipped' | 'removed'
export type Verdict = 'wait' | 'run' | 'skipped' | 'upstream_failed'

export const UPSTREAMS: readonly Upstream[] = [
  'unfinished',
  'success',
  'failed',
  'upstream_failed',
  'skipped',
  'removed',
]

interface Case {
  /** The relevant direct upstream task instances. */
  readonly direct: readonly Upstream[]
  /** Those among `direct` that are setups. */
  readonly setups: readonly Upstream[]
}

interface Rule {
  /** The right column, top to bottom: the first that holds forces its state. */
  readonly forced: readonly (readonly [holds: (c: Case) => boolean, state: Verdict])[]
  /** The middle column. */
  readonly runs: (c: Case) => boolean
}

const some = (list: readonly Upstream[], ...wanted: Upstream[]) => list.some((state) => wanted.includes(state))
const every = (list: readonly Upstream[], ...wanted: Upstream[]) => list.every((state) => wanted.includes(state))
const allDone = (c: Case) => !some(c.direct, 'unfinished')
/** The list with the "(r ok)" note applied. */
const removedOk = (c: Case) => c.direct.filter((state) => state !== 'removed')

const ORACLE = {
  all_success: {
    forced: [
      [(c) => some(c.direct, 'failed', 'upstream_failed'), 'upstream_failed'],
      [(c) => some(c.direct, 'skipped'), 'skipped'],
    ],
    runs: (c) => every(removedOk(c), 'success'),
  },
  all_failed: {
    forced: [[(c) => some(c.direct, 'success', 'skipped'), 'skipped']],
    runs: (c) => every(removedOk(c), 'failed', 'upstream_failed'),
  },
  all_done: { forced: [], runs: allDone },
  all_done_min_one_success: {
    forced: [
      [(c) => some(c.direct, 'skipped'), 'skipped'],
      [(c) => allDone(c) && !some(c.direct, 'success'), 'upstream_failed'],
    ],
    runs: (c) => allDone(c) && !some(c.direct, 'skipped') && some(c.direct, 'success'),
  },
  all_done_setup_success: {
    forced: [
      [(c) => allDone(c) && c.setups.length > 0 && every(c.setups, 'skipped'), 'skipped'],
      [(c) => allDone(c) && c.setups.length > 0 && !some(c.setups, 'success'), 'upstream_failed'],
    ],
    runs: (c) => allDone(c) && (c.setups.length === 0 || some(c.setups, 'success')),
  },
  all_skipped: {
    forced: [[(c) => some(c.direct, 'success', 'failed', 'upstream_failed'), 'skipped']],
    runs: (c) => every(c.direct, 'skipped'),
  },
  one_success: {
    forced: [
      [(c) => allDone(c) && every(c.direct, 'skipped'), 'skipped'],
      [(c) => allDone(c) && !some(c.direct, 'success'), 'upstream_failed'],
    ],
    runs: (c) => some(c.direct, 'success'),
  },
  one_failed: {
    forced: [[(c) => allDone(c) && !some(c.direct, 'failed', 'upstream_failed'), 'skipped']],
    runs: (c) => some(c.direct, 'failed', 'upstream_failed'),
  },
  one_done: {
    forced: [[(c) => allDone(c) && !some(c.direct, 'success', 'failed'), 'skipped']],
    runs: (c) => some(c.direct, 'success', 'failed'),
  },
  none_failed: {
    forced: [[(c) => some(c.direct, 'failed', 'upstream_failed'), 'upstream_failed']],
    runs: (c) => every(removedOk(c), 'success', 'skipped'),
  },
  none_failed_min_one_success: {
    forced: [
      [(c) => some(c.direct, 'failed', 'upstream_failed'), 'upstream_failed'],
      [(c) => every(c.direct, 'skipped'), 'skipped'],
      [(c) => allDone(c) && !some(c.direct, 'success'), 'upstream_failed'],
    ],
    runs: (c) => every(removedOk(c), 'success', 'skipped') && some(c.direct, 'success'),
  },
  none_skipped: {
    forced: [[(c) => some(c.direct, 'skipped'), 'skipped']],
    runs: (c) => allDone(c) && !some(c.direct, 'skipped'),
  },
  always: { forced: [], runs: () => true },
} as const satisfies Record<string, Rule>

export type RuleName = keyof typeof ORACLE
export const RULE_NAMES = Object.keys(ORACLE) as readonly RuleName[] // the object is written out above

interface Question {
  readonly direct: readonly Upstream[]
  readonly setups?: readonly Upstream[]
  readonly indirectSetups?: readonly Upstream[]
}

/** What becomes of a task instance under `rule`, by the document. `setups` are those of `direct` that are setups. */
export function judge(rule: RuleName, question: Question): Verdict {
  const { direct, setups = [], indirectSetups = [] } = question
  // "any f/u → upstream_failed, any k → skipped, at once, without waiting; evaluated before the rule"
  if (some(indirectSetups, 'failed', 'upstream_failed')) return 'upstream_failed'
  if (some(indirectSetups, 'skipped')) return 'skipped'
  const verdict = judgeDirect(ORACLE[rule], { direct, setups })
  return verdict === 'run' && !every(indirectSetups, 'success') ? 'wait' : verdict
}

function judgeDirect(rule: Rule, c: Case): Verdict {
  if (c.direct.length === 0) return 'run'
  const forced = rule.forced.find(([holds]) => holds(c))
  if (forced !== undefined) return forced[1]
  return rule.runs(c) ? 'run' : 'wait'
}
