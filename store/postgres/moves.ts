// The one statement that changes the state of task instances: their rows, the queue and the ledger at once, guarded by the states
// that were decided on.
//
// A run's moves are sent in pieces of so many instances: an instance is joined to its group, and both lists are read whole for
// each other, so a piece costs the square of its length (docs/dispatch.md#traps).

import type { TaskState } from '../../core/states.ts'
import { storableJson } from '../../core/storable.ts'
import { bind } from '../bind.ts'
import { decidedOn } from '../decided-on.ts'
import type { Sql } from '../sql.ts'
import { timestampOf } from '../timestamp.ts'
import { FINISHED, TRY_ENDED } from './state-lists.ts'
import type { QueueStage } from './task-queue.ts'

/** Instances that make the same way through the states, for the same reasons. */
export interface MoveGroup {
  readonly ids: readonly string[]
  readonly from: TaskState | null
  readonly steps: readonly { readonly to: TaskState | null; readonly because: unknown }[]
  /** When what they wait for is due, epoch ms. */
  readonly readyAt: number | null
  /** On its way it begins a new try; a resumed one (rescheduled, deferred) keeps its start, count and number. */
  readonly isNewTry: boolean
  /** Tries granted beside the task's own: an interruption is not the task's fault. */
  readonly extraTries: number
  /** Where they stand in the queue afterwards: in a stage, no longer in it, or as before. */
  readonly queue: QueueStage | 'left' | 'unchanged'
}

/** Moves of one run in one transaction. */
export interface Moves {
  readonly dagRunId: number
  /** The revision this change makes. */
  readonly rev: number
  /** Raises the run's revision in the same statement. */
  readonly isBump: boolean
  readonly isBackfill: boolean
  readonly who: string
  /** Where those that become `running` run. */
  readonly worker: { readonly jobId: number; readonly hostname: string; readonly pid: number } | null
  readonly groups: readonly MoveGroup[]
}

/** Instances a statement; 64 × 64 comparisons take a tenth of what 64 updates take. */
const PIECE = 64

const MOVE = `
with bumped as (
  update dag_run set rev = :rev::bigint, last_scheduling_decision = now(), updated_at = now()
  where :isBump::boolean and id = :dagRunId and rev = :rev::bigint - 1
  returning 1
), grouped as (
  select * from unnest(:groups::int[], :froms::text[], :tos::text[], :newTries::boolean[], :scheduled::boolean[],
    :queued::boolean[], :extraTries::int[], :readyAts::timestamptz[], :stages::text[])
    as g(n, from_state, to_state, is_new_try, is_scheduled, is_queued, extra_tries, ready_at, stage)
), moved as (
  update task_instance t set
    state = g.to_state,
    try_number = t.try_number + case when g.is_new_try then 1 else 0 end,
    epoch = t.epoch + case when g.to_state = 'running' then 1 else 0 end,
    scheduled_dttm = case when g.is_scheduled then now() else t.scheduled_dttm end,
    queued_dttm = case when g.is_queued then now() else t.queued_dttm end,
    dispatch_id = case when g.is_queued then gen_random_uuid() else t.dispatch_id end,
    next_method = case when g.to_state = 'deferred' then 'resume' when g.to_state = 'up_for_reschedule' or g.is_new_try then null
      else t.next_method end,
    reschedule_count = case when g.is_new_try then 0 when g.to_state = 'up_for_reschedule' then t.reschedule_count + 1
      else t.reschedule_count end,
    start_date = case when g.to_state is null then null when g.is_new_try then case when g.to_state = 'running' then clock_timestamp() end
      when g.to_state = 'running' then coalesce(t.start_date, clock_timestamp())
      when g.to_state in (${FINISHED}) then coalesce(t.start_date, now()) else t.start_date end,
    first_start_date = case when g.to_state is null or g.to_state = 'restarting' then null
      when g.to_state = 'running' then coalesce(t.first_start_date, clock_timestamp()) else t.first_start_date end,
    end_date = case when g.to_state in (${TRY_ENDED}) then clock_timestamp() end,
    duration = case when g.to_state in (${TRY_ENDED})
      then coalesce(extract(epoch from clock_timestamp() - t.start_date), 0) end,
    ready_at = g.ready_at,
    max_tries = least(t.max_tries::bigint + g.extra_tries, 2147483647)::int,
    worker_id = case when g.to_state = 'running' then :workerId::bigint else t.worker_id end,
    hostname = case when g.to_state = 'running' then :hostname::text when g.to_state = 'queued' then null else t.hostname end,
    pid = case when g.to_state = 'running' then :pid::int else t.pid end,
    updated_at = now()
  from unnest(:ids::uuid[], :groupOf::int[]) x(id, n), grouped g
  where t.dag_run_id = :dagRunId and t.id = any(:ids::uuid[]) and t.id = x.id and g.n = x.n
    and t.state is not distinct from g.from_state
    and (g.to_state is distinct from 'running' or :workerId::bigint is null
      or exists (select 1 from job where id = :workerId::bigint and state = 'running'))
  returning t.id, t.try_number, t.epoch, t.dag_id, t.task_id, t.map_index, t.queue, t.pool, t.pool_slots, t.priority_weight,
    g.n, g.ready_at, g.stage
), gone as (
  delete from task_queue where dag_run_id = :dagRunId and ti_id = any(:gone::uuid[])
), put as (
  insert into task_queue (dag_run_id, ti_id, stage, dag_id, task_id, map_index, queue, pool, pool_slots, priority_weight,
    worker_id, epoch, ready_at, because, is_backfill)
  select :dagRunId, id, stage, dag_id, task_id, map_index, queue, pool, pool_slots, priority_weight,
    case when stage = 'running' then :workerId::bigint end, epoch, ready_at, null, :isBackfill
  from moved where stage is not null
  on conflict (dag_run_id, ti_id) do update set stage = excluded.stage, worker_id = excluded.worker_id, epoch = excluded.epoch,
    ready_at = excluded.ready_at, because = null
), told as (
  insert into ti_event (dag_run_id, rev, step, ti_id, try_number, epoch, from_state, to_state, who, because)
  select :dagRunId, :rev::bigint, s.step, m.id, m.try_number, m.epoch, s.f, s.t, :who::text, s.because
  from moved m join unnest(:stepGroups::int[], :stepNumbers::smallint[], :stepFroms::text[], :stepTos::text[], :becauses::jsonb[])
    as s(n, step, f, t, because) on s.n = m.n
)
select ${decidedOn('(select count(*) from moved) = :count and (not :isBump::boolean or exists (select 1 from bumped))')}`

/** Some instances of some groups. */
type Piece = readonly { readonly group: MoveGroup; readonly ids: readonly string[] }[]

function piecesOf(groups: readonly MoveGroup[]): readonly Piece[] {
  const pieces: { group: MoveGroup; ids: readonly string[] }[][] = [[]]
  let room = PIECE
  for (const group of groups)
    for (let from = 0; from < group.ids.length; ) {
      if (room === 0) {
        pieces.push([])
        room = PIECE
      }
      const ids = group.ids.slice(from, from + room)
      pieces.at(-1)?.push({ group, ids })
      from += ids.length
      room -= ids.length
    }
  return pieces
}

const isStage = (queue: MoveGroup['queue']): queue is QueueStage => queue !== 'left' && queue !== 'unchanged'

/** The groups of a piece as columns. */
function groupColumns(groups: readonly MoveGroup[]) {
  const has = (group: MoveGroup, state: TaskState) => group.steps.some(({ to }) => to === state)
  return {
    groups: groups.map((_, n) => n),
    froms: groups.map(({ from }) => from),
    tos: groups.map(({ steps }) => steps.at(-1)?.to ?? null),
    newTries: groups.map(({ isNewTry }) => isNewTry),
    scheduled: groups.map((group) => has(group, 'scheduled')),
    queued: groups.map((group) => has(group, 'queued')),
    extraTries: groups.map(({ extraTries }) => extraTries),
    readyAts: groups.map(({ readyAt }) => timestampOf(readyAt)),
    stages: groups.map(({ queue }) => (isStage(queue) ? queue : null)),
  }
}

/** Their steps, for the ledger. */
function stepColumns(groups: readonly MoveGroup[]) {
  const steps = groups.flatMap((group, n) =>
    group.steps.map(({ to, because }, step) => {
      const from = step === 0 ? group.from : (group.steps[step - 1]?.to ?? null)
      return { n, step, from, to, because: storableJson(because) }
    }),
  )
  return {
    stepGroups: steps.map(({ n }) => n),
    stepNumbers: steps.map(({ step }) => step),
    stepFroms: steps.map(({ from }) => from),
    stepTos: steps.map(({ to }) => to),
    becauses: steps.map(({ because }) => because),
  }
}

/**
 * Moves instances of one run, with their queue and ledger rows. A worker that was declared dead starts nothing: frozen and thawed it
 * may not know yet, while others already take over whatever stands in its name.
 * @returns an answer a statement; they are sent before this returns. One that finds other rows than were decided on fails
 *   (`isOutdated`), and its transaction with it
 */
export function moveInstances(tx: Sql, moves: Moves): Promise<unknown>[] {
  const { dagRunId, rev, isBackfill, who } = moves
  return piecesOf(moves.groups).map((piece, i) => {
    const groups = piece.map(({ group }) => group)
    const starts = groups.some(({ steps }) => steps.at(-1)?.to === 'running')
    const worker = starts ? moves.worker : null
    const ids = piece.flatMap((part) => part.ids)
    return tx.query(
      ...bind(MOVE, {
        dagRunId,
        rev,
        isBump: moves.isBump && i === 0,
        isBackfill,
        who,
        ...groupColumns(groups),
        ...stepColumns(groups),
        ids,
        groupOf: piece.flatMap((part, n) => part.ids.map(() => n)),
        gone: piece.flatMap((part) => (part.group.queue === 'left' ? part.ids : [])),
        count: ids.length,
        workerId: worker?.jobId ?? null,
        hostname: worker?.hostname ?? null,
        pid: worker?.pid ?? null,
      }),
      'move_instances',
    )
  })
}
