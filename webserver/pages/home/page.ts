// The first page: what needs somebody now, what runs, what comes next, what failed of the same cause, and how the deployment does.

import { statfs } from 'node:fs/promises'
import { duration, moment, relative, zoneName } from '../../../core/times.ts'
import {
  type FailingDag,
  listFailingDags,
  listRecentErrors,
  listRunsUnderWay,
  listUpcoming,
  type RunUnderWay,
  type UpcomingRun,
} from '../../../store/postgres/home.ts'
import { countAlerts, listProcesses, listStreams } from '../../../store/postgres/metrics.ts'
import { listImportErrors } from '../../../store/postgres/read-admin.ts'
import type { Web } from '../../deps.ts'
import { dagPath, runPath, taskPath } from '../frame/links.ts'
import type { PageView } from '../frame/page-view.ts'
import { findProblems } from '../monitoring/problems.ts'
import { MOST_PROCESSES, missingServices, processView } from '../monitoring/processes.ts'
import { pageZone } from '../run/view.ts'
import { type ErrorGroup, groupErrors } from './fingerprint.ts'
import { ago, findNeeds, homeSentence, type Need } from './needs.ts'

const MOST_FAILING = 20
const MOST_FILES = 10
const MOST_RUNNING = 10
const MOST_UPCOMING = 100
const SHOWN_UPCOMING = 12
const NEXT_MS = 6 * 3_600_000
/** Errors are grouped over so many days, and at most so many runs: of each its instances are looked at. */
const ERROR_DAYS = 7
const MOST_ERRORS = 200
const SHOWN_GROUPS = 5
/** A group of one error is what the list of needs shows anyway. */
const LEAST_RUNS = 2

const NEWEST_FILES = { limit: MOST_FILES, offset: 0, order: [{ key: 'timestamp', isDescending: true }] }

/** Of the disk that holds logs and embedded data; null where it cannot be told. */
async function freeBytes(folder: string): Promise<{ free: number; share: number } | null> {
  try {
    const { bavail, blocks, bsize } = await statfs(folder)
    return { free: bavail * bsize, share: blocks === 0 ? 0 : bavail / blocks }
  } catch {
    return null // Not made yet: nothing has been written.
  }
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(bytes < 1e10 ? 1 : 0)} GB`
/** Below it writing fails soon. */
const LEAST_SHARE = 0.05

async function healthView(web: Web, services: ReturnType<typeof processView>) {
  const disk = await freeBytes(web.config.home)
  const processes = services.map(({ service, count, heartbeat, isMissing, isNeeded }) => ({
    name: service,
    value: isMissing ? 'not running' : `${count} running`,
    detail: isMissing || heartbeat === null ? null : `heartbeat ${heartbeat} ago`,
    isBad: isMissing && isNeeded,
  }))
  const storage =
    disk === null
      ? []
      : [{ name: 'storage', value: `${gigabytes(disk.free)} free`, detail: null, isBad: disk.share < LEAST_SHARE }]
  return [...processes, ...storage]
}

const needView = (need: Need, now: number) => ({ ...need, when: ago(need.at, now) })

const runningView = (run: RunUnderWay, now: number) => ({
  dag: run.dagId,
  href: runPath(run.dagId, run.runId),
  tasks: run.tasks.join(', '),
  done: run.done.toLocaleString('en'),
  all: run.all.toLocaleString('en'),
  share: run.all === 0 ? 0 : Math.round((run.done / run.all) * 100),
  took: run.startDate === null ? null : duration((now - run.startDate) / 1_000),
})

const upcomingView = ({ dagId, at, timezone }: UpcomingRun, zone: string, now: number) => ({
  dag: dagId,
  href: dagPath(dagId),
  at: moment(at, zone, now),
  in: at <= now ? 'due now' : relative(at, now),
  own: timezone === zone ? null : `${moment(at, timezone, now)} ${zoneName(timezone, at)}`,
})

const groupView = ({ message, newest, first, runs, dags }: ErrorGroup, now: number) => ({
  message,
  runs: runs.toLocaleString('en'),
  dags: dags.length === 1 ? dags[0] : `${dags.length} DAGs`,
  first: relative(first, now),
  last: relative(newest.endDate, now),
  href: taskPath(newest.dagId, newest.runId, newest.taskId),
})

async function load(web: Web, now: number) {
  const { database } = web
  const [failing, running, upcoming, errors, files, processes, streams, alerts] = await Promise.all([
    listFailingDags(database, MOST_FAILING + 1),
    listRunsUnderWay(database, MOST_RUNNING),
    listUpcoming(database, new Date(now + NEXT_MS), MOST_UPCOMING),
    listRecentErrors(database, ERROR_DAYS, MOST_ERRORS),
    listImportErrors(database, {}, NEWEST_FILES),
    listProcesses(database, MOST_PROCESSES),
    listStreams(database),
    countAlerts(database),
  ])
  return { failing, running, upcoming, errors, files, processes, streams, alerts }
}

export async function homePage(web: Web): Promise<PageView> {
  const now = Date.now()
  const { failing, running, upcoming, errors, files, processes, streams, alerts } = await load(web, now)
  const services = processView(processes)
  const shownFailing: readonly FailingDag[] = failing.slice(0, MOST_FAILING)
  const problems = findProblems({ missing: missingServices(services), pools: [], streams, alerts })
  const lateDags = upcoming.filter(({ isLate }) => isLate)
  const needs = findNeeds({ problems, files: files.rows, failing: shownFailing, late: lateDags }, now)
  const next = upcoming.filter(({ isLate }) => !isLate)
  const zone = pageZone(next)
  const groups = groupErrors(errors).filter(({ runs }) => runs >= LEAST_RUNS)
  return {
    section: 'home',
    crumbs: [{ text: 'Home', href: '/' }],
    sentence: homeSentence(needs.length, running[0]?.total ?? 0, next[0], now),
    topics: 'dags',
    scripts: ['home.js'],
    zone: zoneName(zone, now),
    view: {
      needs: needs.map((need) => needView(need, now)),
      moreFailing: failing.length > MOST_FAILING,
      moreFiles: files.total > files.rows.length ? files.total - files.rows.length : null,
      running: running.map((run) => runningView(run, now)),
      runningTotal: running[0]?.total ?? 0,
      upcoming: next.slice(0, SHOWN_UPCOMING).map((one) => upcomingView(one, zone, now)),
      moreUpcoming: next.length > SHOWN_UPCOMING ? next.length - SHOWN_UPCOMING : null,
      zoneName: zoneName(zone, now),
      groups: groups.slice(0, SHOWN_GROUPS).map((group) => groupView(group, now)),
      isErrorsCut: errors.length === MOST_ERRORS ? MOST_ERRORS : null,
      health: await healthView(web, services),
    },
  }
}
