// Addresses of pages, and the crumbs that lead to them.

import type { Crumb } from './page-view.ts'

export const dagPath = (dagId: string, rest = ''): string => `/dags/${encodeURIComponent(dagId)}${rest}`
export const runPath = (dagId: string, runId: string): string => `${dagPath(dagId)}/runs/${encodeURIComponent(runId)}`
export const taskPath = (dagId: string, runId: string, taskId: string, rest = ''): string =>
  `${runPath(dagId, runId)}/tasks/${encodeURIComponent(taskId)}${rest}`

export const withQuery = (path: string, values: Readonly<Record<string, string | number | null>>): string => {
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(values)) if (value !== null && value !== '') query.set(key, String(value))
  const text = query.toString()
  return text === '' ? path : `${path}?${text}`
}

export const dagCrumbs = (dagId: string, ...more: Crumb[]): Crumb[] => [
  { text: 'DAGs', href: '/dags' },
  { text: dagId, href: dagPath(dagId) },
  ...more,
]

/** Where the verbs of a run, a task or an instance are. */
export function controlLinks(
  run: { readonly dagId: string; readonly runId: string },
  taskId: string | null,
  mapIndex: number | null,
) {
  const at = { run: run.runId, task: taskId, map_index: mapIndex === null || mapIndex < 0 ? null : mapIndex }
  const link = (verb: string, more: Record<string, string> = {}) =>
    withQuery(dagPath(run.dagId, verb), { ...at, ...more })
  return {
    clear: link('/clear', taskId === null ? {} : { downstream: '1' }),
    clearFailed: link('/clear', { only_failed: '1' }),
    markSuccess: link('/mark', { to: 'success' }),
    markFailed: link('/mark', { to: 'failed' }),
    note: withQuery(dagPath(run.dagId, '/note'), { run: run.runId }),
    remove: withQuery(dagPath(run.dagId, '/delete'), { run: run.runId }),
    log: taskId === null ? null : taskPath(run.dagId, run.runId, taskId),
  }
}
