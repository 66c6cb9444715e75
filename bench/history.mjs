// Finished runs of the past, as many instances as asked for: copies of one run that was really made, in every table that holds it.

import { show } from './numbers.mjs'
import { say } from './record.mjs'
import { runOnce } from './runs.mjs'

/** Columns that are the copy's own, by table; the others are those of the run that is copied. */
const OWN = {
  dag_run: { id: '$first + n', run_id: "'history__' || n" },
  task_instance: { dag_run_id: '$first + n', id: 'gen_random_uuid()', run_id: "'history__' || n" },
  ti_event: { dag_run_id: '$first + n' },
}

async function copy(d, table, dagRunId, first, from, to) {
  const columns = await d.query(
    "select column_name as name from information_schema.columns where table_schema = 'baram' and table_name = $1 and is_generated = 'NEVER'",
    [table],
  )
  const names = columns.map(({ name }) => name)
  const values = names.map((name) => OWN[table][name] ?? `o.${name}`)
  const run = table === 'dag_run' ? 'o.id' : 'o.dag_run_id'
  await d.query(
    `insert into ${table} (${names.join(', ')}) overriding system value
     select ${values.join(', ').replaceAll('$first', String(first))} from ${table} o, generate_series(${from}, ${to}) n where ${run} = ${dagRunId}`,
  )
}

/** Makes the tables hold `count` finished instances; @returns how many there are. */
export async function addHistory(d, count) {
  const began = performance.now()
  const { dagRunId } = await runOnce(d, 'fan')
  const [{ size, first }] = await d.query(
    `select (select count(*)::int from task_instance where dag_run_id = $1) as size, (select max(id) from dag_run)::int as first`,
    [dagRunId],
  )
  const copies = Math.ceil(count / size)
  for (let from = 1; from <= copies; from += 100)
    for (const table of Object.keys(OWN)) await copy(d, table, dagRunId, first, from, Math.min(copies, from + 99))
  await d.query(`select setval(pg_get_serial_sequence('dag_run', 'id'), ${first + copies})`)
  for (const table of Object.keys(OWN)) await d.query(`vacuum analyze ${table}`)
  await d.query('checkpoint')
  const [{ bytes }] = await d.query('select pg_database_size(current_database()) as bytes')
  const what = `${show(copies * size, 0)} finished instances in ${show(copies, 0)} runs, ${show(bytes / 2 ** 30, 1)} GiB`
  say(`history: ${what}, made in ${show((performance.now() - began) / 1000, 0)} s`)
}
