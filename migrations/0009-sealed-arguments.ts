// Arguments of triggers may hold secrets that their task has fetched: at rest they are sealed, as Variables are.

import type { Migration } from './migration.ts'

const up = /* sql */ `
alter table trigger add column sealed_kwargs text;
comment on column trigger.kwargs is 'As pages, API and why show them: secrets masked.';
comment on column trigger.sealed_kwargs is 'What the trigger gets: AES-256-GCM envelope of the JSON. Null: kwargs itself.';
`

const down = /* sql */ `
alter table trigger drop column sealed_kwargs;
`

export const m0009SealedArguments: Migration = { name: '0009-sealed-arguments', up, down }
