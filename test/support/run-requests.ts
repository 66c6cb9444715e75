// Requests to clear, mark and backfill, complete but for what a test is about.

import type { ClearRequest } from '../../engine/control/clear.ts'
import type { Engine } from '../../engine/engine.ts'
import type { BackfillRequest } from '../../engine/runs/backfill.ts'
import type { TestEngine, TestScheduler } from './engine.ts'

export const kim = { name: 'kim', via: 'cli' } as const
export const depsOf = (engine: TestEngine, { transactions }: TestScheduler): Engine => ({
  database: engine.database,
  runCache: engine.runCache,
  transactions,
  vault: engine.vault,
})
const DAY = 86_400_000
export const FIRST = Date.parse('2026-01-01T00:00:00Z')
export const daily = { kind: 'cron', expression: '0 0 * * *', timezone: 'UTC', interval: false } as const

export const clearOf = (dagId: string, changes: Partial<ClearRequest> = {}): ClearRequest => ({
  dagId,
  runs: { kind: 'dates', from: null, to: null },
  tasks: { tasks: null, upstream: false, downstream: false },
  filter: { onlyFailed: false, onlyRunning: false },
  resetsRuns: true,
  onLatestVersion: false,
  refusesRunning: false,
  ...changes,
})
export const markOf = (dagId: string, runId: string, taskId: string, to: 'success' | 'failed' | 'skipped') => ({
  dagId,
  runId,
  taskId,
  mapIndex: null,
  to,
  upstream: false,
  downstream: false,
  past: false,
  future: false,
})

export const backfillOf = (dagId: string, days: number, changes: Partial<BackfillRequest> = {}): BackfillRequest => ({
  dagId,
  from: FIRST,
  to: FIRST + (days - 1) * DAY,
  isReverse: false,
  reprocess: 'none',
  conf: null,
  maxActiveRuns: 2,
  onLatestVersion: true,
  ...changes,
})
