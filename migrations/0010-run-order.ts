// Runs are listed by the date they are for: a backfill of last month stands where it belongs, not as the newest.

import type { Migration } from './migration.ts'

const up = /* sql */ `
create index dag_run_order on dag_run (dag_id, run_after desc, id desc);
create index dag_run_order_all on dag_run (run_after desc, id desc);
`

const down = /* sql */ `
drop index dag_run_order_all;
drop index dag_run_order;
`

export const m0010RunOrder: Migration = { name: '0010-run-order', up, down }
