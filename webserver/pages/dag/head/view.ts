// What the head of a DAG's pages shows: its facts, warnings and tabs.

import { zoneName } from '../../../../core/times.ts'
import type { DagWarning } from '../../../../store/postgres/dag-warnings.ts'
import { dagPath, withQuery } from '../../frame/links.ts'
import type { DagBasics } from './basics.ts'
import { nextRunWords } from './schedule.ts'

/** A warning as a note: its sentence, and a line for each place it names. A file's name that it begins with stands apart. */
function warningView({ message }: DagWarning, file: string) {
  const [sentence = '', ...lines] = message.split('\n')
  if (sentence.startsWith(`${file} `)) return { file, text: sentence.slice(file.length + 1), lines }
  return { file: null, text: sentence.charAt(0).toUpperCase() + sentence.slice(1), lines }
}

export type DagTab = 'grid' | 'graph' | 'runs' | 'data' | 'reports' | 'code'

export function headView({ row, plan, version }: DagBasics, tab: DagTab, run: string | null, now: number) {
  const tabs: { id: DagTab; text: string; path: string }[] = [
    { id: 'grid', text: 'Grid', path: '' },
    { id: 'graph', text: 'Graph', path: '/graph' },
    { id: 'runs', text: 'Runs', path: '/runs' },
    { id: 'data', text: 'Data', path: '/data' },
    { id: 'reports', text: 'Reports', path: '/reports' },
    { id: 'code', text: 'Code', path: '/code' },
  ]
  return {
    dag: {
      id: row.dagId,
      path: dagPath(row.dagId),
      // The next sentence follows it.
      description: row.description === null ? null : row.description.replace(/([^.!?…])$/, '$1.'),
      isPaused: row.isPaused,
      isStale: row.isStale,
      next: nextRunWords(row, plan, now),
      schedule: row.hasSchedule ? (row.timetableSummary ?? '') : 'manual',
      zone: row.timezone,
      zoneName: zoneName(row.timezone, now),
      version: version.versionNumber,
      versionAt: version.createdAt,
      owners: row.owners,
      tags: row.tags,
      hasImportErrors: row.hasImportErrors,
      file: row.relativeFileloc,
      warnings: row.warnings.map((warning) => warningView(warning, row.relativeFileloc)),
    },
    tabs: tabs.map(({ id, text, path }) => ({
      text,
      isCurrent: id === tab,
      href: withQuery(dagPath(row.dagId, path), { run: id === 'grid' || id === 'graph' ? run : null }),
    })),
    now,
  }
}
