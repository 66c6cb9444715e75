// What attempts did outside, counted, and the small tables that tasks publish.

import type { Migration } from './migration.ts'

const up = /* sql */ `
create table effect (
  dag_run_id bigint not null references dag_run on delete cascade,
  task_id varchar(250) not null,
  map_index int not null default -1,
  try_number int not null check (try_number >= 0),
  kind text not null check (kind in ('source', 'file', 'lake', 'warehouse', 'event_log', 'index', 'table')),
  target varchar(1000) not null,
  dag_id varchar(250) not null,
  run_id varchar(250) not null,
  rows_read bigint not null check (rows_read >= 0),
  rows_written bigint not null check (rows_written >= 0),
  rows_rejected bigint not null default 0 check (rows_rejected >= 0),
  bytes bigint check (bytes >= 0),
  checksum text,
  offsets jsonb,
  recorded_at timestamptz not null default now(),
  primary key (dag_run_id, task_id, map_index, try_number, kind, target)
);
comment on table effect is 'Rows that a try read from, wrote to or rejected at one place outside. Told again by the same try, a row is replaced.';

create table report (
  dag_run_id bigint not null references dag_run on delete cascade,
  name varchar(100) not null,
  dag_id varchar(250) not null,
  run_id varchar(250) not null,
  task_id varchar(250) not null,
  map_index int not null default -1,
  body jsonb not null,
  row_count int not null,
  published_at timestamptz not null default now(),
  primary key (dag_run_id, name)
);
comment on table report is 'A small table published by a task of a run; the last one of a name is the run''s.';
create index report_by_dag on report (dag_id, name, dag_run_id desc);
`

const down = /* sql */ `
drop table report;
drop table effect;
`

export const m0003EffectsAndReports: Migration = { name: '0003-effects-and-reports', up, down }
