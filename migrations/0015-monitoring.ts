// What monitoring reads: how each stream stands, and what each process has counted.

import type { Migration } from './migration.ts'

const up = /* sql */ `
create table stream (
  dag_id varchar(250) not null references dag on delete cascade,
  task_id varchar(250) not null,
  target varchar(1000) not null,
  lag bigint not null check (lag >= 0),
  rows_per_second double precision not null check (rows_per_second >= 0),
  rows_read bigint not null,
  rows_written bigint not null,
  rows_rejected bigint not null,
  newest_at timestamptz,
  settled_at timestamptz not null
) with (fillfactor = 70);
comment on table stream is 'How each stream stood when its last window was settled: written with the effect that tells it.';
comment on column stream.rows_read is 'Of all windows and tries since the stream is known; the others too.';
comment on column stream.newest_at is 'When the newest record that was read had come; null = none was.';
create unique index stream_key on stream (dag_id, task_id, md5(target));
create index stream_settled on stream (settled_at);
insert into stream (dag_id, task_id, target, lag, rows_per_second, rows_read, rows_written, rows_rejected, newest_at, settled_at)
  select distinct on (e.dag_id, e.task_id, e.target) e.dag_id, e.task_id, e.target, e.lag, coalesce(e.rows_per_second, 0),
    e.rows_read, e.rows_written, e.rows_rejected, e.recorded_at - make_interval(secs => e.freshness), e.recorded_at
  from effect e join dag d using (dag_id) where e.lag is not null
  order by e.dag_id, e.task_id, e.target, e.recorded_at desc;

create table job_metrics (
  job_id bigint primary key references job on delete cascade,
  samples jsonb not null,
  recorded_at timestamptz not null default now()
) with (fillfactor = 50);
comment on table job_metrics is 'What a process has counted since it started: written with a heartbeat every few seconds, read by /metrics while its job runs.';
`

const down = /* sql */ `
drop table job_metrics;
drop table stream;
`

export const m0015Monitoring: Migration = { name: '0015-monitoring', up, down }
