// A version whose code somebody has seen, or that has run, is never overwritten by the next change of its file.

import type { Migration } from './migration.ts'

const up = /* sql */ `
alter table dag_version add column is_kept boolean not null default false;
comment on column dag_version.is_kept is 'Its code was shown, or runs of it were deleted: the next change of the file makes a new version.';
`

const down = /* sql */ `
alter table dag_version drop column is_kept;
`

export const m0011KeptVersions: Migration = { name: '0011-kept-versions', up, down }
