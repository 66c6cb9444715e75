// Several hosts: in which namespace a pid counts, which DAG files each host sees, and what a scheduler thinks of the clock.

import type { Migration } from './migration.ts'

const up = /* sql */ `
alter table job add column pid_namespace text not null default '';
comment on column job.pid_namespace is 'Containers number their processes separately: a pid means something only inside its namespace. Empty = unknown.';

alter table job add column clock_hold jsonb;
comment on column job.clock_hold is 'Why this scheduler creates no runs: the database''s clock moved against its machine''s. Null = it creates them, or somebody confirmed the clock.';

create table dag_file_sighting (
  job_id bigint not null references job on delete cascade,
  filename text not null,
  primary key (filename, job_id)
);
create index dag_file_sighting_job on dag_file_sighting (job_id);
comment on table dag_file_sighting is 'The DAG files that each dag-processor sees: what one misses may lie on another''s host.';
`

const down = /* sql */ `
drop table dag_file_sighting;
alter table job drop column clock_hold;
alter table job drop column pid_namespace;
`

export const m0005Hosts: Migration = { name: '0005-hosts', up, down }
