// A new backfill as it is written, and the request and command it stands for.

import { REPROCESS_BEHAVIORS, type ReprocessBehavior } from '../../../../core/backfill.ts'
import type { BackfillRequest } from '../../../../engine/runs/backfill.ts'
import { parseDate } from '../../../http/query.ts'
import { instantOf, localOf } from '../../forms/zoned.ts'
import type { Asked } from '../view.ts'

/** A new backfill as it is written. */
export interface Draft {
  readonly from: string
  readonly to: string
  readonly reprocess: ReprocessBehavior
  readonly isReverse: boolean
  readonly maxActiveRuns: string
}

export function readDraft(asked: Asked): Draft {
  return {
    from: asked('from').trim(),
    to: asked('to').trim(),
    reprocess: REPROCESS_BEHAVIORS.find((known) => known === asked('reprocess')) ?? 'none',
    isReverse: asked('backwards') === '1',
    maxActiveRuns: asked('max').trim() === '' ? '10' : asked('max').trim(),
  }
}

/** Without an offset a time is the DAG's; a day alone is meant whole. */
const timeOf = (text: string, zone: string, clock: '00:00' | '23:59:59'): number | null => {
  const full = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T${clock}` : text
  return instantOf(full, zone) ?? parseDate(full)
}

export function requestOf(dagId: string, draft: Draft, zone: string): BackfillRequest | null {
  const from = timeOf(draft.from, zone, '00:00')
  const to = timeOf(draft.to, zone, '23:59:59')
  if (from === null || to === null) return null
  return {
    dagId,
    from,
    to,
    isReverse: draft.isReverse,
    reprocess: draft.reprocess,
    conf: null,
    maxActiveRuns: Number(draft.maxActiveRuns),
    onLatestVersion: true,
  }
}

/** A day back from now, in the DAG's zone: where a range is likely to lie. */
const daysBack = (now: number, days: number, zone: string): string =>
  localOf(now - days * 86_400_000, zone).slice(0, 10)

/** The ends of the range as the form shows them: last week unless something was written. */
export function shownRange({ from, to }: Draft, zone: string, now: number) {
  const isEmpty = from === '' && to === ''
  return isEmpty ? { from: daysBack(now, 7, zone), to: daysBack(now, 1, zone) } : { from, to }
}

export function commandOf(dagId: string, draft: Draft, request: BackfillRequest | null): string {
  const iso = (at: number) => new Date(at).toISOString()
  return [
    `dagctl backfill create --dag-id ${dagId}`,
    request === null ? '' : ` --from-date ${iso(request.from)} --to-date ${iso(request.to)}`,
    draft.reprocess === 'none' ? '' : ` --reprocess-behavior ${draft.reprocess}`,
    draft.isReverse ? ' --run-backwards' : '',
    ` --max-active-runs ${draft.maxActiveRuns}`,
  ].join('')
}
