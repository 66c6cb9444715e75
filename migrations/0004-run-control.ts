// Backfills, and attempts that are asked to end because their instances were cleared.

import type { Migration } from './migration.ts'

const up = /* sql */ `
create table backfill (
  id int generated always as identity primary key,
  dag_id varchar(250) not null,
  from_date timestamptz not null,
  to_date timestamptz not null check (to_date >= from_date),
  dag_run_conf jsonb not null default '{}',
  is_paused boolean not null default false,
  reprocess_behavior text not null check (reprocess_behavior in ('none', 'completed', 'failed')),
  max_active_runs int not null check (max_active_runs > 0),
  created_at timestamptz not null default now(),
  completed_at timestamptz,
  updated_at timestamptz not null default now(),
  triggering_user_name text
);
comment on table backfill is 'Runs asked for over a range of dates, with limits of their own.';
create unique index backfill_active on backfill (dag_id) where completed_at is null;
comment on index backfill_active is 'One backfill of a DAG at a time, as in Airflow.';

alter table dag_run add column backfill_id int references backfill on delete set null;
create index dag_run_backfill on dag_run (backfill_id) where backfill_id is not null;

create table backfill_dag_run (
  id bigint generated always as identity primary key,
  backfill_id int not null references backfill on delete cascade,
  dag_run_id bigint references dag_run on delete set null,
  exception_reason text check (exception_reason in ('in flight', 'already exists', 'unknown')),
  logical_date timestamptz not null,
  sort_ordinal int not null check (sort_ordinal >= 1),
  unique (backfill_id, sort_ordinal),
  unique (backfill_id, dag_run_id)
);
create index backfill_dag_run_run on backfill_dag_run (dag_run_id) where dag_run_id is not null;
comment on table backfill_dag_run is 'Each date of a backfill in its order: the run it made or took over, or why it has none.';

alter table live add column is_backfill boolean not null default false;
comment on column live.is_backfill is 'At equal weight a backfill''s tasks stand behind all others: it never starves a schedule.';
drop index live_queued;
drop index live_queued_any;
drop index live_held;
create index live_queued on live (queue, priority_weight desc, is_backfill, dag_run_id, ti_id) where stage = 'queued';
create index live_queued_any on live (priority_weight desc, is_backfill, dag_run_id, map_index, ti_id) where stage = 'queued';
create index live_held on live (priority_weight desc, is_backfill, dag_run_id, ti_id) where stage = 'held';
alter table live drop constraint live_stage_check;
alter table live add constraint live_stage_check check (stage in ('waiting', 'deferred', 'held', 'queued', 'running', 'restarting'));
alter table live drop constraint live_check;
alter table live add constraint live_worker_check check ((stage in ('running', 'restarting')) = (worker_id is not null));
`

const down = /* sql */ `
delete from live where stage = 'restarting';
update task_instance set state = null where state = 'restarting';
alter table live drop constraint live_worker_check;
alter table live add constraint live_check check ((stage = 'running') = (worker_id is not null));
alter table live drop constraint live_stage_check;
alter table live add constraint live_stage_check check (stage in ('waiting', 'deferred', 'held', 'queued', 'running'));
drop index live_queued;
drop index live_queued_any;
drop index live_held;
alter table live drop column is_backfill;
create index live_queued on live (queue, priority_weight desc, dag_run_id, ti_id) where stage = 'queued';
create index live_queued_any on live (priority_weight desc, dag_run_id, map_index, ti_id) where stage = 'queued';
create index live_held on live (priority_weight desc, dag_run_id, ti_id) where stage = 'held';
drop table backfill_dag_run;
drop index dag_run_backfill;
alter table dag_run drop column backfill_id;
drop table backfill;
`

export const m0004RunControl: Migration = { name: '0004-run-control', up, down }
