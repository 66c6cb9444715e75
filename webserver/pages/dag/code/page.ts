// The code of a DAG: each version as its file was, the difference of two, and which runs each has.

import type { Request } from 'express'
import { zoneName } from '../../../../core/times.ts'
import { diffVersions, type VersionDiff } from '../../../../engine/dags/versions.ts'
import { listVersionUses, showSource, type VersionUse } from '../../../../store/postgres/read-dags.ts'
import type { Web } from '../../../deps.ts'
import { notFound } from '../../../http/errors.ts'
import { Query } from '../../../http/query.ts'
import { dagCrumbs, dagPath, withQuery } from '../../frame/links.ts'
import type { PageView } from '../../frame/page-view.ts'
import { loadBasics, loadRuns } from '../head/basics.ts'
import { dagSentence } from '../head/sentence.ts'
import { headView } from '../head/view.ts'

/** Versions that a page lists. */
const MOST = 30

function useView(use: VersionUse, shown: number, against: number | null, dagId: string) {
  const code = (values: Record<string, number | null>) => withQuery(dagPath(dagId, '/code'), values)
  const n = use.versionNumber
  return {
    n,
    at: use.createdAt,
    runs: use.runs,
    active: use.active === 0 ? null : use.active,
    isCurrent: n === shown,
    isAgainst: n === against,
    href: code({ version: n }),
    runsHref: use.runs === 0 ? null : withQuery(dagPath(dagId, '/runs'), { version: n }),
    // The older of the two is what the newer is compared with.
    diffHref: n === shown ? null : code({ version: Math.max(n, shown), against: Math.min(n, shown) }),
  }
}

const MARKS = { same: ' ', added: '+', removed: '−' } as const

function diffView(diff: VersionDiff) {
  return {
    before: diff.before,
    after: diff.after,
    isImported: diff.isImported,
    isSame: diff.hunks.length === 0,
    facts: [
      ...diff.tasksAdded.map((id) => ({ mark: '+', text: id })),
      ...diff.tasksRemoved.map((id) => ({ mark: '−', text: id })),
      ...diff.tasksChanged.map(({ taskId, options }) => ({ mark: '~', text: `${taskId}: ${options.join(', ')}` })),
    ],
    hunks: diff.hunks.map((hunk) => ({
      skipped: hunk.skipped === 0 ? null : hunk.skipped,
      lines: hunk.lines.map((line) => ({
        ...line,
        n: line.after ?? line.before,
        mark: MARKS[line.kind],
        isAdded: line.kind === 'added',
        isRemoved: line.kind === 'removed',
      })),
    })),
  }
}

export async function codePage(web: Web, req: Request): Promise<PageView> {
  const now = Date.now()
  const dagId = String(req.params['dag_id'] ?? '')
  const query = new Query(req)
  const asked = query.int('version', 1) ?? null
  const against = query.int('against', 1) ?? null
  const [basics, runs, source, uses] = await Promise.all([
    loadBasics(web, dagId),
    loadRuns(web, dagId, 3),
    showSource(web.database, dagId, asked),
    listVersionUses(web.database, dagId, MOST),
  ])
  if (source === null) throw notFound(`DAG ${dagId} has no version ${asked ?? ''}.`)
  const shown = source.versionNumber
  const diff = against === null ? null : await diffVersions(web.database, web.runCache, dagId, against, shown)
  return {
    section: 'dags',
    crumbs: dagCrumbs(dagId, { text: diff === null ? `Code v${shown}` : `v${against} → v${shown}`, href: '' }),
    sentence: dagSentence(basics.row, runs),
    topics: `dag:${dagId}`,
    zone: zoneName(basics.row.timezone, now),
    view: {
      ...headView(basics, 'code', null, now),
      file: source.fileloc,
      at: source.createdAt,
      zone: basics.row.timezone,
      diff: diff === null ? null : diffView(diff),
      lines:
        diff !== null
          ? []
          : source.sourceCode
              .replace(/\n$/, '')
              .split('\n')
              .map((text, i) => ({ n: i + 1, text })),
      versions: uses.map((use) => useView(use, shown, against, dagId)),
    },
  }
}
