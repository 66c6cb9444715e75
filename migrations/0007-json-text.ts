// Values of authors keep the order of their keys: `json` stores the text as it came, `jsonb` sorts keys by length. What `jsonb`
// refuses (NUL, half a surrogate pair) stays refused: it would break whatever casts or reads all rows of a table.

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
alter table xcom add constraint xcom_value_storable check (value::jsonb is not null or value is null);
alter table dag_run add constraint dag_run_conf_storable check (conf::jsonb is not null or conf is null);
alter table backfill add constraint backfill_dag_run_conf_storable check (dag_run_conf::jsonb is not null or dag_run_conf is null);
alter table trigger add constraint trigger_kwargs_storable check (kwargs::jsonb is not null or kwargs is null);
alter table trigger add constraint trigger_event_storable check (event::jsonb is not null or event is null);
alter table serialized_dag add constraint serialized_dag_data_storable check (data::jsonb is not null or data is null);
alter table report add constraint report_body_storable check (body::jsonb is not null or body is null);
alter table rendered_task_instance_fields add constraint rendered_task_instance_fields_rendered_fields_storable check (rendered_fields::jsonb is not null or rendered_fields is null);
comment on column xcom.value is 'json, not jsonb: a task that reads it from here must see the keys in the order of one that got it from memory.';
`

const down = /* sql */ `
alter table xcom drop constraint xcom_value_storable;
alter table dag_run drop constraint dag_run_conf_storable;
alter table backfill drop constraint backfill_dag_run_conf_storable;
alter table trigger drop constraint trigger_kwargs_storable;
alter table trigger drop constraint trigger_event_storable;
alter table serialized_dag drop constraint serialized_dag_data_storable;
alter table report drop constraint report_body_storable;
alter table rendered_task_instance_fields drop constraint rendered_task_instance_fields_rendered_fields_storable;
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
