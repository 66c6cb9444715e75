// What is measured of each peer. A peer's function gives one number a run; `isLower`: less is better; `isIdle`: taken before any work.

/** Tasks of others at once: Baram's worker and parallelism, BullMQ's and graphile-worker's concurrency, Airflow's parallelism. */
export const CONCURRENCY = 16

export const MEASURES = [
  { id: 'commit', title: 'bare commit, one row, one connection, p50, ms', isLower: true, only: 'bare commits' },
  { id: 'hop', title: 'chain, a hop, p50, ms', isLower: true },
  { id: 'fan', title: 'fan-out of 1,000 + join, tasks/s', isLower: false },
  { id: 'smallFan', title: 'fan-out of 50 + join, tasks/s', isLower: false },
  { id: 'sustained', title: `no-ops, ${CONCURRENCY} at once, jobs/s`, isLower: false },
  { id: 'trigger', title: 'enqueue or trigger → running, p50, ms', isLower: true, runs: 20 },
  { id: 'code', title: 'enqueue or trigger → first line of user code, p50, ms', isLower: true, runs: 20 },
  {
    id: 'rss',
    title: 'idle memory, RSS of all processes but Postgres and Redis, MB',
    isLower: true,
    isIdle: true,
    runs: 1,
  },
  { id: 'pss', title: 'the same, pages that processes share counted once, MB', isLower: true, isIdle: true, runs: 1 },
  { id: 'page', title: 'the page of a DAG with its grid, p50, ms', isLower: true },
  { id: 'dagsApi', title: 'GET /api/v2/dags, p50, ms', isLower: true },
  { id: 'runsApi', title: 'GET /api/v2/dags/~/dagRuns?limit=100, p50, ms', isLower: true },
]

/** A run that takes longer is taken only `LONG_RUNS` times, ms. */
const LONG_MS = 5_000
const LONG_RUNS = 3

async function timed(work) {
  const began = performance.now()
  const value = await work()
  return { value, ms: performance.now() - began }
}

/** What one peer gives for one measure, or why not. */
async function sample(peer, { id }, found) {
  try {
    const { value, ms } = await timed(peer.measures[id])
    found.isLong = ms > LONG_MS
    return value
  } catch (error) {
    found.failed = `failed: ${error.message.split('\n')[0]}`
    return null
  }
}

/** Is another run wanted? One that failed is not tried again. */
const isThrough = (found, most) =>
  found.failed !== undefined || found.values.length >= (found.isLong ? LONG_RUNS : most)

/**
 * One measure of several peers, in turn (A B C A B C …), so that a drift of the machine's speed meets all of them; after one round that is not counted.
 * @param peers that are open
 * @returns by peer: its `values`, or why it `failed`
 */
export async function measureInTurn(peers, measure, runs) {
  const able = peers.filter((peer) => peer.measures[measure.id] !== undefined)
  const results = new Map(able.map((peer) => [peer, { values: [], isLong: false }]))
  const most = measure.runs ?? runs
  for (const peer of able) if (most > 1 && !peer.isSlow) await sample(peer, measure, results.get(peer))
  for (let round = 0; round < most; round++)
    for (const peer of able) {
      const found = results.get(peer)
      if (isThrough(found, peer.isSlow ? Math.min(most, runs) : most)) continue
      const value = await sample(peer, measure, found)
      if (value !== null) found.values.push(value)
    }
  return results
}
