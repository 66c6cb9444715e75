// DAGs that people have marked as favourites.

import type { Migration } from './migration.ts'

const up = /* sql */ `
create table dag_favorite (
  dag_id varchar(250) not null references dag on delete cascade,
  user_id varchar(250) not null,
  primary key (dag_id, user_id)
);
comment on table dag_favorite is 'A row marks a DAG as a favourite of one user, by the name that signs in.';
`

const down = /* sql */ `
drop table dag_favorite;
`

export const m0017Favourites: Migration = { name: '0017-favourites', up, down }
