// The side table of what is unfinished by its own name, and instances without a slot by the word of the limits: throttled.

import type { Migration } from './migration.ts'

const up = /* sql */ `
alter table live rename to task_queue;
alter index live_pkey rename to task_queue_pkey;
alter index live_due rename to task_queue_due;
alter index live_queued rename to task_queue_queued;
alter index live_queued_any rename to task_queue_queued_any;
alter table task_queue rename constraint live_worker_check to task_queue_worker_check;
alter table task_queue rename constraint live_ready_at_check to task_queue_ready_at_check;
drop index live_held;
alter table task_queue drop constraint live_stage_check;
update task_queue set stage = 'throttled' where stage = 'held';
alter table task_queue add constraint task_queue_stage_check
  check (stage in ('waiting', 'deferred', 'throttled', 'queued', 'running', 'restarting'));
create index task_queue_throttled on task_queue (priority_weight desc, is_backfill, dag_run_id, ti_id) where stage = 'throttled';
comment on table task_queue is
  'Task instances that are neither idle nor finished: waiting for a time, throttled by a limit, queued, or running. Serves claim, caps, rescue.';
`

const down = /* sql */ `
drop index task_queue_throttled;
alter table task_queue drop constraint task_queue_stage_check;
update task_queue set stage = 'held' where stage = 'throttled';
alter table task_queue add constraint live_stage_check
  check (stage in ('waiting', 'deferred', 'held', 'queued', 'running', 'restarting'));
alter table task_queue rename constraint task_queue_worker_check to live_worker_check;
alter table task_queue rename constraint task_queue_ready_at_check to live_ready_at_check;
alter index task_queue_queued_any rename to live_queued_any;
alter index task_queue_queued rename to live_queued;
alter index task_queue_due rename to live_due;
alter index task_queue_pkey rename to live_pkey;
alter table task_queue rename to live;
create index live_held on live (priority_weight desc, is_backfill, dag_run_id, ti_id) where stage = 'held';
comment on table live is
  'Task instances that are neither idle nor finished: waiting for a time, held by a limit, queued, or running. Serves claim, caps, rescue.';
`

export const m0012TaskQueue: Migration = { name: '0012-task-queue', up, down }
