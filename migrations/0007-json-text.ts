// Values of authors keep the order of their keys: `json` stores the text as it came, `jsonb` sorts keys by length.

import type { Migration } from './migration.ts'

const up = /* sql */ `
alter table xcom alter column value type json using value::json;
alter table dag_run alter column conf drop default, alter column conf type json using conf::json, alter column conf set default '{}';
alter table backfill alter column dag_run_conf drop default, alter column dag_run_conf type json using dag_run_conf::json,
  alter column dag_run_conf set default '{}';
alter table trigger alter column kwargs type json using kwargs::json, alter column event type json using event::json;
alter table serialized_dag alter column data type json using data::json;
alter table report alter column body type json using body::json;
alter table rendered_task_instance_fields alter column rendered_fields type json using rendered_fields::json;
comment on column xcom.value is 'json, not jsonb: a task that reads it from here must see the keys in the order of one that got it from memory.';
`

const down = /* sql */ `
alter table xcom alter column value type jsonb using value::jsonb;
alter table dag_run alter column conf drop default, alter column conf type jsonb using conf::jsonb, alter column conf set default '{}';
alter table backfill alter column dag_run_conf drop default, alter column dag_run_conf type jsonb using dag_run_conf::jsonb,
  alter column dag_run_conf set default '{}';
alter table trigger alter column kwargs type jsonb using kwargs::jsonb, alter column event type jsonb using event::jsonb;
alter table serialized_dag alter column data type jsonb using data::jsonb;
alter table report alter column body type jsonb using body::jsonb;
alter table rendered_task_instance_fields alter column rendered_fields type jsonb using rendered_fields::jsonb;
`

export const m0007JsonText: Migration = { name: '0007-json-text', up, down }
