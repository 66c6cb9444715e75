// When the first of the tries that belong together began: a sensor's time-out counts from there, whatever failed in between.

import type { Migration } from './migration.ts'

const up = /* sql */ `
alter table task_instance add column first_start_date timestamptz;
comment on column task_instance.first_start_date is 'Start of the first try since the instance was made or cleared; start_date is that of the current one.';
`

const down = /* sql */ `
alter table task_instance drop column first_start_date;
`

export const m0008FirstStart: Migration = { name: '0008-first-start', up, down }
