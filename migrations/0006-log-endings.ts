// Last lines of logs whose worker died: noted where the attempt is ended, written by whoever sees the folder of the log.

import type { Migration } from './migration.ts'

const up = /* sql */ `
create table log_ending (
  id bigint generated always as identity primary key,
  job_id bigint not null references job on delete cascade,
  dag_id text not null,
  run_id text not null,
  task_id text not null,
  map_index int not null,
  try_number int not null,
  level text not null,
  event text not null,
  is_final boolean not null,
  tried_at timestamptz
);
create index log_ending_job on log_ending (job_id, id);
comment on table log_ending is 'Last lines that logs of dead workers lack. Deleted in the transaction that has written them; goes with its job at the latest.';
comment on column log_ending.is_final is 'Written also below an older end: the attempt had gone on after a wait.';
`

const down = /* sql */ `
drop table log_ending;
`

export const m0006LogEndings: Migration = { name: '0006-log-endings', up, down }
