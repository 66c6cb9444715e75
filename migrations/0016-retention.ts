// Finished runs by their age, and the form of a run that is deleted while its rows still go.

import type { Migration } from './migration.ts'

const up = /* sql */ `
create index dag_run_ended on dag_run (end_date, id) where end_date is not null;
comment on index dag_run_ended is 'Retention: the oldest runs first, in pieces, however many there are.';
comment on column dag_run.dag_id is 'Empty: deleted. No DAG has that id, so nothing finds the run any more; its rows go in pieces, the run last.';
`

const down = /* sql */ `
delete from task_queue where dag_run_id in (select id from dag_run where dag_id = '');
delete from ti_event where dag_run_id in (select id from dag_run where dag_id = '');
delete from xcom where dag_run_id in (select id from dag_run where dag_id = '');
delete from dag_run where dag_id = '';
comment on column dag_run.dag_id is null;
drop index dag_run_ended;
`

export const m0016Retention: Migration = { name: '0016-retention', up, down }
