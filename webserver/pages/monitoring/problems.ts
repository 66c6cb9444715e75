// What is wrong with a deployment, each in a sentence: the same thresholds as the alerts of monitoring/rules.

import type { AlertCounts, StreamRow } from '../../../store/postgres/metrics.ts'
import type { PoolUse } from '../../metrics/database-metrics.ts'
import { dagPath } from '../frame/links.ts'
import { say } from '../frame/page-view.ts'
import type { Part } from '../frame/sentence.ts'

/** StreamStalled and StreamNotRunning, seconds. */
export const STALE_SECONDS = 600
export const SILENT_SECONDS = 300

export interface Problem {
  readonly sentence: readonly Part[]
  readonly isBad: boolean
  /** Where it is seen; null = on this page. */
  readonly href: string | null
}

export interface Standing {
  /** Kinds of processes that no deployment is without, and of which none lives. */
  readonly missing: readonly string[]
  readonly pools: readonly PoolUse[]
  readonly streams: readonly StreamRow[]
  readonly alerts: AlertCounts
}

const problem = (isBad: boolean, href: string | null, sentence: readonly Part[]): Problem => ({ isBad, href, sentence })

function streamProblem({ dagId, target, freshness, windowAge, lag }: StreamRow): Problem | null {
  const href = dagPath(dagId)
  if (windowAge > SILENT_SECONDS)
    return problem(true, href, say('{dag} has settled no window of {target}.', { dag: dagId, target }, 'dag', 'target'))
  if (freshness !== null && freshness > STALE_SECONDS)
    return problem(
      true,
      href,
      lag > 0
        ? say(
            '{dag} stalls: {n} records of {target} wait.',
            { dag: dagId, target, n: lag.toLocaleString('en') },
            'dag',
            'target',
          )
        : say('{dag} gets no new records of {target}.', { dag: dagId, target }, 'dag', 'target'),
    )
  return null
}

export function findProblems({ missing, pools, streams, alerts }: Standing): readonly Problem[] {
  const { failedLastHour: failed, late } = alerts
  return [
    ...missing.map((service) => problem(true, null, say('No {service} is running.', { service }))),
    ...streams.flatMap((stream) => streamProblem(stream) ?? []),
    ...pools
      .filter(({ starving }) => starving > 0)
      .map(({ pool, starving: n }) =>
        problem(false, null, say('Pool {pool} is full: {n} {n#task waits#tasks wait}.', { pool, n }, 'pool')),
      ),
    ...late.map(({ dagId, reference }) =>
      problem(
        false,
        dagPath(dagId),
        say('{dag} has missed its deadline ({reference}).', { dag: dagId, reference }, 'dag'),
      ),
    ),
    ...(failed > 0
      ? [problem(false, null, say('{n} {n#callback#callbacks} failed in the last hour.', { n: failed }))]
      : []),
  ]
}
