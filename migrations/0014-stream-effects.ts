// How a stream stood when a window of it was settled: with the effect of the run that settled it.

import type { Migration } from './migration.ts'

const up = /* sql */ `
alter table effect add column lag bigint check (lag >= 0);
alter table effect add column rows_per_second double precision check (rows_per_second >= 0);
alter table effect add column freshness double precision check (freshness >= 0);
comment on column effect.lag is 'Event log: records that were still to read; null for other places.';
comment on column effect.rows_per_second is 'Event log: records a second of the window.';
comment on column effect.freshness is 'Event log: seconds since the newest record of the window came.';
`

const down = /* sql */ `
alter table effect drop column lag, drop column rows_per_second, drop column freshness;
`

export const m0014StreamEffects: Migration = { name: '0014-stream-effects', up, down }
