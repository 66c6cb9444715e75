// The first schema: Airflow's tables and columns as far as our design has them, and our own beside them (docs/architecture.md#tables).

import type { Migration } from './migration.ts'

const up = /* sql */ `
create table dag (
  dag_id varchar(250) primary key,
  is_paused boolean not null,
  is_stale boolean not null default false,
  last_parsed_time timestamptz,
  last_parse_duration double precision,
  bundle_name text not null default 'dags-folder',
  bundle_version text,
  relative_fileloc text not null,
  fileloc text not null,
  owners text not null default 'airflow',
  dag_display_name text,
  description text,
  timetable_summary text,
  timetable_description text,
  timetable_type text not null,
  timezone text not null,
  has_schedule boolean not null,
  max_active_tasks int not null,
  max_active_runs int not null,
  max_consecutive_failed_dag_runs int not null default 0,
  has_task_concurrency_limits boolean not null default false,
  has_import_errors boolean not null default false,
  next_dagrun timestamptz,
  next_dagrun_data_interval_start timestamptz,
  next_dagrun_data_interval_end timestamptz,
  next_dagrun_create_after timestamptz,
  created_at timestamptz not null default now()
);
comment on table dag is 'One row a DAG that was ever read; is_stale when no file yields it any more.';
create index dag_due on dag (next_dagrun_create_after) where not is_paused and not is_stale;
create index dag_fileloc on dag (relative_fileloc);

create table dag_tag (
  dag_id varchar(250) not null references dag on delete cascade,
  name varchar(100) not null,
  primary key (dag_id, name)
);

create table dag_module (
  hash text primary key,
  code text not null,
  created_at timestamptz not null default now()
);
comment on table dag_module is 'Compiled DAG files by sha256 of their code; workers write them to their module folder.';

create table dag_version (
  id uuid primary key,
  dag_id varchar(250) not null references dag on delete cascade,
  version_number int not null check (version_number > 0),
  bundle_name text,
  bundle_version text,
  module_hash text not null references dag_module,
  version_hash text not null,
  created_at timestamptz not null default now(),
  last_updated timestamptz not null default now(),
  unique (dag_id, version_number)
);

create table serialized_dag (
  id uuid primary key,
  dag_id varchar(250) not null,
  dag_version_id uuid not null unique references dag_version on delete cascade,
  data jsonb not null,
  dag_hash text not null,
  created_at timestamptz not null default now(),
  last_updated timestamptz not null default now()
);
create index serialized_dag_dag on serialized_dag (dag_id);

create table dag_code (
  id uuid primary key,
  dag_id varchar(250) not null,
  dag_version_id uuid not null unique references dag_version on delete cascade,
  fileloc text not null,
  source_code text not null,
  source_code_hash text not null,
  created_at timestamptz not null default now(),
  last_updated timestamptz not null default now()
);

create table dag_run (
  id bigint generated always as identity primary key,
  dag_id varchar(250) not null,
  run_id varchar(250) not null,
  run_type text not null check (run_type in ('scheduled', 'manual', 'backfill', 'asset_triggered', 'asset_materialization')),
  state text not null check (state in ('queued', 'running', 'success', 'failed')),
  logical_date timestamptz,
  data_interval_start timestamptz,
  data_interval_end timestamptz,
  run_after timestamptz not null,
  queued_at timestamptz,
  start_date timestamptz,
  end_date timestamptz,
  conf jsonb not null default '{}',
  triggered_by text,
  triggering_user_name text,
  note varchar(1000),
  created_dag_version_id uuid references dag_version,
  bundle_version text,
  last_scheduling_decision timestamptz,
  clear_number int not null default 0,
  partition_key text,
  updated_at timestamptz not null default now(),
  rev bigint not null default 0,
  unique (dag_id, run_id),
  check ((state in ('success', 'failed')) = (end_date is not null)),
  check ((data_interval_start is null) = (data_interval_end is null))
) with (fillfactor = 70);
comment on column dag_run.rev is 'Grows with every change of this run or its task instances; copies are current only at the same rev.';
create unique index dag_run_logical_date on dag_run (dag_id, logical_date) where logical_date is not null;
create index dag_run_dag on dag_run (dag_id, id desc);
create index dag_run_queued on dag_run (dag_id, id) where state = 'queued';
create index dag_run_running on dag_run (dag_id, id) where state = 'running';

create table task_instance (
  dag_run_id bigint not null references dag_run on delete cascade,
  id uuid not null,
  task_id varchar(250) not null,
  dag_id varchar(250) not null,
  run_id varchar(250) not null,
  map_index int not null default -1,
  state text check (state in ('scheduled', 'queued', 'running', 'success', 'failed', 'skipped', 'upstream_failed', 'up_for_retry',
    'up_for_reschedule', 'deferred', 'awaiting_input', 'restarting', 'removed')),
  try_number int not null default 0 check (try_number >= 0),
  max_tries int not null default 0,
  start_date timestamptz,
  end_date timestamptz,
  duration double precision,
  hostname text,
  unixname text,
  pid int,
  pool varchar(256) not null,
  pool_slots int not null check (pool_slots > 0),
  queue varchar(256) not null,
  priority_weight int not null,
  operator text not null,
  custom_operator_name text,
  task_display_name text,
  queued_dttm timestamptz,
  scheduled_dttm timestamptz,
  queued_by_job_id bigint,
  last_heartbeat_at timestamptz,
  executor text,
  executor_config jsonb,
  external_executor_id text,
  rendered_map_index varchar(250),
  note varchar(1000),
  dag_version_id uuid,
  updated_at timestamptz not null default now(),
  epoch int not null default 0 check (epoch >= 0),
  dispatch_id uuid,
  worker_id bigint,
  ready_at timestamptz,
  primary key (dag_run_id, id),
  unique (task_id, map_index, dag_run_id)
) with (fillfactor = 55, autovacuum_vacuum_scale_factor = 0.02);
comment on table task_instance is 'The current try of each task instance. No index may name a column that a transition changes (HOT).';
comment on index task_instance_task_id_map_index_dag_run_id_key is 'dag_run_id stands last on purpose: with it first the planner read a whole run to find eight rows by their ids.';
comment on column task_instance.epoch is 'Grows each time somebody takes the instance over; a write of an older epoch is refused.';

create table task_instance_history (
  dag_run_id bigint not null references dag_run on delete cascade,
  task_instance_id uuid not null,
  task_id varchar(250) not null,
  dag_id varchar(250) not null,
  run_id varchar(250) not null,
  map_index int not null,
  try_number int not null,
  state text,
  max_tries int not null,
  start_date timestamptz,
  end_date timestamptz,
  duration double precision,
  hostname text,
  unixname text,
  pid int,
  pool varchar(256) not null,
  pool_slots int not null,
  queue varchar(256) not null,
  priority_weight int not null,
  operator text not null,
  custom_operator_name text,
  task_display_name text,
  queued_dttm timestamptz,
  scheduled_dttm timestamptz,
  executor text,
  executor_config jsonb,
  rendered_map_index varchar(250),
  dag_version_id uuid,
  primary key (dag_run_id, task_instance_id),
  unique (dag_run_id, task_id, map_index, try_number)
);

create table live (
  dag_run_id bigint not null,
  ti_id uuid not null,
  stage text not null check (stage in ('waiting', 'held', 'queued', 'running')),
  dag_id varchar(250) not null,
  task_id varchar(250) not null,
  map_index int not null,
  queue varchar(256) not null,
  pool varchar(256) not null,
  pool_slots int not null,
  priority_weight int not null,
  worker_id bigint,
  epoch int not null,
  ready_at timestamptz,
  because jsonb,
  primary key (dag_run_id, ti_id),
  check ((stage = 'running') = (worker_id is not null)),
  check ((stage = 'waiting') = (ready_at is not null))
) with (fillfactor = 70, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0);
comment on table live is 'Task instances that are neither idle nor finished: waiting for a time, held by a limit, queued, or running. Serves claim, caps, rescue.';
create index live_queued on live (queue, priority_weight desc, dag_run_id, ti_id) where stage = 'queued';
create index live_held on live (priority_weight desc, dag_run_id, ti_id) where stage = 'held';
create index live_waiting on live (ready_at) where stage = 'waiting';

create table ti_event (
  dag_run_id bigint not null,
  rev bigint not null,
  step smallint not null default 0,
  ti_id uuid,
  try_number int,
  epoch int,
  from_state text,
  to_state text,
  at timestamptz not null default clock_timestamp(),
  who text not null,
  because jsonb
);
comment on table ti_event is 'The ledger: every change of a run (ti_id null) or task instance, with who, when, why. No foreign key: its check on each row was a third of a turn''s cost.';
create index ti_event_run on ti_event (dag_run_id, rev);

create table xcom (
  dag_run_id bigint not null,
  task_id varchar(250) not null,
  map_index int not null default -1,
  key varchar(512) not null,
  dag_id varchar(250) not null,
  run_id varchar(250) not null,
  value jsonb,
  timestamp timestamptz not null default now(),
  primary key (dag_run_id, task_id, map_index, key)
);

create table rendered_task_instance_fields (
  dag_run_id bigint not null references dag_run on delete cascade,
  task_id varchar(250) not null,
  map_index int not null default -1,
  rendered_fields jsonb not null,
  primary key (dag_run_id, task_id, map_index)
);

create table variable (
  id int generated always as identity primary key,
  key varchar(250) not null unique check (key <> ''),
  val text,
  description text,
  is_encrypted boolean not null default true,
  updated_at timestamptz not null default now()
);
comment on column variable.val is 'AES-256-GCM envelope; never plain.';

create table connection (
  id int generated always as identity primary key,
  conn_id varchar(250) not null unique check (conn_id <> ''),
  conn_type varchar(500) not null,
  description text,
  host varchar(500),
  schema varchar(500),
  login text,
  password text,
  port int check (port between 0 and 65535),
  is_encrypted boolean not null default true,
  is_extra_encrypted boolean not null default true,
  extra text,
  updated_at timestamptz not null default now()
);
comment on column connection.password is 'AES-256-GCM envelope; never plain. So is extra.';

create table slot_pool (
  id int generated always as identity primary key,
  pool varchar(256) not null unique,
  slots int not null check (slots >= -1),
  description text,
  include_deferred boolean not null default false
);
insert into slot_pool (pool, slots, description) values ('default_pool', 128, 'Default pool');

create table job (
  id bigint generated always as identity primary key,
  job_type text not null,
  state text not null check (state in ('running', 'success', 'failed')),
  hostname text not null,
  unixname text,
  executor_class text,
  start_date timestamptz not null default now(),
  end_date timestamptz,
  latest_heartbeat timestamptz not null default now(),
  hb_seq bigint not null default 0,
  pid int not null,
  boot_id text not null,
  pid_started text,
  info jsonb not null default '{}'
);
comment on column job.hb_seq is 'Grows with each heartbeat; a lease is dead when it stands still on the observer''s monotonic clock.';
create index job_running on job (job_type, id) where state = 'running';

create table inbox (
  id bigint generated always as identity primary key,
  kind text not null,
  payload jsonb not null,
  created_at timestamptz not null default now()
);
comment on table inbox is 'Requests to the scheduler, deleted in the transaction that serves them.';

create table import_error (
  id int generated always as identity primary key,
  timestamp timestamptz not null default now(),
  filename text not null unique,
  bundle_name text not null default 'dags-folder',
  stacktrace text not null,
  details jsonb not null default '{}'
);

create table dag_warning (
  dag_id varchar(250) not null references dag on delete cascade,
  warning_type text not null,
  message text not null,
  timestamp timestamptz not null default now(),
  primary key (dag_id, warning_type)
);

create table log (
  id bigint generated always as identity primary key,
  dttm timestamptz not null default now(),
  dag_id text,
  task_id text,
  map_index int,
  event text not null,
  logical_date timestamptz,
  run_id text,
  owner text,
  owner_display_name text,
  extra text,
  try_number int
);
comment on table log is 'The audit log: one row an accepted write.';

create table account (
  id int generated always as identity primary key,
  username varchar(250) not null unique check (username <> ''),
  password_hash text not null,
  role text not null check (role in ('viewer', 'user', 'op', 'admin')),
  is_active boolean not null default true,
  must_change_password boolean not null default false,
  session_epoch int not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on column account.session_epoch is 'Grows at password reset, role change or sign-out everywhere; older tokens are refused.';

create table sign_in_token (
  token_hash text primary key,
  username varchar(250) not null,
  expires_at timestamptz not null
);
comment on table sign_in_token is 'One-time sign-in links, by sha256; deleted when used.';

create table setting (
  key text primary key,
  value jsonb not null
);
comment on table setting is 'Values made once per deployment: product version, key check.';
`

const down = /* sql */ `
drop table setting, sign_in_token, account, log, dag_warning, import_error, inbox, job, slot_pool, connection, variable,
  rendered_task_instance_fields, xcom, ti_event, live, task_instance_history, task_instance, dag_run, dag_code, serialized_dag,
  dag_version, dag_module, dag_tag, dag cascade;
`

export const m0001Metadata: Migration = { name: '0001-metadata', up, down }
