// Waits without a slot (deferred tasks), time limits of runs, and what templates became.

import type { Migration } from './migration.ts'

const up = /* sql */ `
alter table task_instance add column next_method text;
alter table task_instance add column reschedule_count int not null default 0 check (reschedule_count >= 0);
comment on column task_instance.next_method is 'Set while a try goes on after a wait: it resumes instead of beginning.';

alter table dag_run add column timeout_at timestamptz;
comment on column dag_run.timeout_at is 'When a running run of a DAG with dagrunTimeout is ended.';
create index dag_run_timeout on dag_run (timeout_at) where state = 'running' and timeout_at is not null;

create table trigger (
  dag_run_id bigint not null references dag_run on delete cascade,
  ti_id uuid not null,
  try_number int not null,
  epoch int not null,
  kind text not null check (kind in ('time', 'trigger')),
  classpath text not null,
  kwargs jsonb not null,
  created_date timestamptz not null default now(),
  triggerer_id bigint,
  event jsonb,
  fired_at timestamptz,
  primary key (dag_run_id, ti_id),
  check ((event is not null) = (fired_at is not null))
);
comment on column trigger.epoch is 'Of the instance when it was deferred: tells this wait from a later one of the same try.';
comment on table trigger is 'What a deferred task instance waits for, and the event that woke it. One row an instance: its last wait.';
create index trigger_waiting on trigger (triggerer_id) where fired_at is null and kind = 'trigger';

alter table live drop constraint live_stage_check;
alter table live add constraint live_stage_check check (stage in ('waiting', 'deferred', 'held', 'queued', 'running'));
alter table live drop constraint live_check1;
alter table live add constraint live_ready_at_check check (case stage when 'waiting' then ready_at is not null when 'deferred' then true else ready_at is null end);
drop index live_waiting;
create index live_due on live (ready_at) where ready_at is not null;
create index live_queued_any on live (priority_weight desc, dag_run_id, map_index, ti_id) where stage = 'queued';
`

const down = /* sql */ `
delete from live where stage = 'deferred';
drop index live_due;
drop index live_queued_any;
create index live_waiting on live (ready_at) where stage = 'waiting';
alter table live drop constraint live_ready_at_check;
alter table live add constraint live_check1 check ((stage = 'waiting') = (ready_at is not null));
alter table live drop constraint live_stage_check;
alter table live add constraint live_stage_check check (stage in ('waiting', 'held', 'queued', 'running'));
drop table trigger;
drop index dag_run_timeout;
alter table dag_run drop column timeout_at;
alter table task_instance drop column reschedule_count;
alter table task_instance drop column next_method;
`

export const m0002Waits: Migration = { name: '0002-waits', up, down }
