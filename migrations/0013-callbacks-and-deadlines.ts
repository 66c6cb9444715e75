// Who is to be told of what happened, and by when something must have happened.

import type { Migration } from './migration.ts'

const up = /* sql */ `
create table callback (
  id uuid primary key,
  dedup_key text not null unique,
  kind text not null check (kind in ('failure', 'success', 'retry', 'skipped', 'deadline')),
  dag_id varchar(250) not null references dag on delete cascade,
  dag_version_id uuid not null references dag_version on delete cascade,
  dag_run_id bigint references dag_run on delete cascade,
  task_id varchar(250),
  map_index int not null default -1,
  try_number int,
  ordinal int not null check (ordinal >= 0),
  data jsonb not null,
  state text not null default 'pending' check (state in ('pending', 'running', 'success', 'failed')),
  tries int not null default 0 check (tries >= 0),
  ready_at timestamptz not null default now(),
  job_id bigint,
  output text,
  created_at timestamptz not null default now(),
  start_date timestamptz,
  end_date timestamptz,
  check ((state = 'running') = (job_id is not null)),
  check ((state in ('success', 'failed')) = (end_date is not null))
) with (fillfactor = 70);
comment on table callback is 'Calls of authors'' callbacks: stored in the transaction of what they tell of, called by a scheduler, at least once.';
comment on column callback.id is 'What the receiver is told: a repeated delivery has the same.';
comment on column callback.dedup_key is 'What happened, and which of the callbacks: stored once.';
comment on column callback.output is 'Why its last try failed.';
create index callback_pending on callback (dag_id, ready_at, id) where state = 'pending';
create index callback_running on callback (dag_id) where state = 'running';
create index callback_ready on callback (ready_at) where state = 'pending';
create index callback_run on callback (dag_run_id) where dag_run_id is not null;
create index callback_version on callback (dag_version_id);
create index callback_ended on callback (end_date) where end_date is not null;

create table deadline (
  id bigint generated always as identity primary key,
  dag_id varchar(250) not null references dag on delete cascade,
  dagrun_id bigint references dag_run on delete cascade,
  key text not null,
  task_id varchar(250),
  reference text not null check (reference in ('slot', 'last_success', 'last_rows', 'queued_at', 'logical_date', 'fixed', 'average_runtime')),
  interval_seconds double precision not null,
  callbacks int not null check (callbacks > 0),
  counts_from timestamptz,
  slot_start timestamptz,
  deadline_time timestamptz,
  missed boolean not null default false,
  created_at timestamptz not null default now(),
  check ((dagrun_id is null) = (reference in ('slot', 'last_success', 'last_rows')))
);
comment on table deadline is 'By when a run, a task or a stream must have ended. dagrun_id null: watched for the DAG, whether or not there is a run.';
comment on column deadline.counts_from is 'Of the DAG''s own: the due time of the slot, or the last success, that the time counts from. Null = not watched, its DAG is paused.';
comment on column deadline.deadline_time is 'Null = not watched.';
create unique index deadline_standing on deadline (dag_id, key) where dagrun_id is null;
create unique index deadline_run on deadline (dagrun_id, key) where dagrun_id is not null;
create index deadline_due on deadline (deadline_time) where not missed and deadline_time is not null;
`

const down = /* sql */ `
drop table deadline;
drop table callback;
`

export const m0013CallbacksAndDeadlines: Migration = { name: '0013-callbacks-and-deadlines', up, down }
