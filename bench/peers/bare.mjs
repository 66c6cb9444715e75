// Bare commits: what the shared Postgres gives to whoever asks it directly.

import pg from 'pg'
import { median } from '../numbers.mjs'
import { commitLoop } from '../runs.mjs'

/** Of one measured run. */
const COMMITS = 200
const NOTHING = 'cannot be expressed: a commit runs no task'
const NO_PAGE = 'cannot be expressed: no pages'

export async function openBare({ url, concurrency, sizes }) {
  const clients = Array.from({ length: concurrency }, () => new pg.Client({ connectionString: url }))
  await Promise.all(clients.map((client) => client.connect()))
  const [first] = clients
  const query = async (text, values) => (await first.query(text, values)).rows
  await commitLoop(query, 1)
  await query('insert into bench_commit select n, 0 from generate_series(2, $1::int) n', [concurrency])
  return {
    title: 'bare commits',
    about: 'update of one row by its key and commit, by the pg package',
    notes: { sustained: `${sizes.sustained} commits on ${concurrency} connections, a row each` },
    cannot: {
      ...{ hop: 'one commit: the first row of this table', fan: NOTHING, smallFan: NOTHING, trigger: NOTHING },
      ...{ code: NOTHING, rss: NOTHING, pss: NOTHING, page: NO_PAGE, dagsApi: NO_PAGE, runsApi: NO_PAGE },
    },
    measures: {
      commit: async () => median(await commitLoop(query, COMMITS)),
      async sustained() {
        let left = sizes.sustained
        const began = performance.now()
        const lane = async (client, i) => {
          while (left-- > 0) await client.query('update bench_commit set n = n + 1 where id = $1', [i + 1])
        }
        await Promise.all(clients.map(lane))
        return sizes.sustained / ((performance.now() - began) / 1000)
      },
    },
    close: () => Promise.all(clients.map((client) => client.end())),
  }
}
