// How the deployment does: processes, what is under way, pools, streams, callbacks. What /metrics tells, for people.

import { duration as age } from '../../../core/times.ts'
import {
  type AlertCounts,
  countAlerts,
  countOpenRuns,
  countQueue,
  type FailedCallbackRow,
  listFailedCallbacks,
  listPoolSizes,
  listProcesses,
  listStreams,
  type QueueRow,
  type StreamRow,
} from '../../../store/postgres/metrics.ts'
import type { Web } from '../../deps.ts'
import { MOST_SERIES, type PoolUse, poolUse, STAGES } from '../../metrics/database-metrics.ts'
import { dagPath } from '../frame/links.ts'
import { type PageView, say } from '../frame/page-view.ts'
import { countWord, type Part } from '../frame/sentence.ts'
import { findProblems, type Problem, SILENT_SECONDS, STALE_SECONDS } from './problems.ts'
import { MOST_PROCESSES, missingServices, processView } from './processes.ts'

const MOST_FAILED = 10

const count = (n: number): string => n.toLocaleString('en')

/** Instances by stage, over all queues. */
const stageView = (queue: readonly QueueRow[]) =>
  STAGES.map((stage) => ({
    stage,
    count: count(queue.reduce((sum, row) => (row.stage === stage ? sum + row.instances : sum), 0)),
  }))

const poolView = (use: PoolUse) => ({
  pool: use.pool,
  slots: use.slots < 0 ? 'no limit' : count(use.slots),
  open: use.open === null ? '—' : count(use.open),
  running: count(use.running),
  queued: count(use.queued),
  waiting: count(use.waiting),
  isFull: use.starving > 0,
})

const streamView = (stream: StreamRow) => ({
  dag: stream.dagId,
  href: dagPath(stream.dagId),
  task: stream.taskId,
  target: stream.target,
  lag: count(stream.lag),
  rate: stream.rowsPerSecond.toLocaleString('en', { maximumFractionDigits: 1 }),
  freshness: stream.freshness === null ? '—' : age(stream.freshness),
  isStale: stream.freshness !== null && stream.freshness > STALE_SECONDS,
  window: age(stream.windowAge),
  isSilent: stream.windowAge > SILENT_SECONDS,
  rejected: count(stream.rowsRejected),
  isRejecting: stream.rowsRejected > 0,
})

const failedView = ({ dagId, taskId, kind, output, endedAt }: FailedCallbackRow) => ({
  ...{ dag: dagId, href: dagPath(dagId), kind, at: endedAt },
  task: taskId,
  why: output?.split('\n')[0] ?? '',
})

const alertView = (alerts: AlertCounts, failed: readonly FailedCallbackRow[]) => ({
  pending: count(alerts.pending),
  running: count(alerts.running),
  deadlines: count(alerts.deadlines),
  failed: failed.map(failedView),
})

const headline = (problems: readonly Problem[], processes: number): Part[] =>
  problems.length === 0
    ? say('No problems; {n} {n#service runs#services run}.', { n: processes })
    : say('{word} {n#problem#problems}.', { word: countWord(problems.length), n: problems.length })

export async function monitoringPage({ database }: Web): Promise<PageView> {
  const [processes, runs, queue, sizes, streams, alerts, failed] = await Promise.all([
    listProcesses(database, MOST_PROCESSES),
    countOpenRuns(database),
    countQueue(database),
    listPoolSizes(database),
    listStreams(database),
    countAlerts(database),
    listFailedCallbacks(database, MOST_FAILED),
  ])
  const pools = sizes.map((size) => poolUse(size, queue))
  const services = processView(processes)
  const missing = missingServices(services)
  const problems = findProblems({ missing, pools, streams, alerts })
  return {
    section: 'monitoring',
    crumbs: [{ text: 'Monitoring', href: '/monitoring' }],
    sentence: headline(problems, services.filter(({ isMissing }) => !isMissing).length),
    topics: 'dags',
    scripts: ['monitoring.js'],
    view: {
      problems: problems.slice(0, MOST_SERIES),
      services,
      runs: { running: count(runs.running), queued: count(runs.queued) },
      stages: stageView(queue),
      pools: pools.slice(0, MOST_SERIES).map(poolView),
      streams: streams.slice(0, MOST_SERIES).map(streamView),
      alerts: alertView(alerts, failed),
    },
  }
}
