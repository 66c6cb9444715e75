// `npm run bench:peers`: Baram beside others in one run, on one machine and one Postgres. Who cannot be had is a row that says why.

import { parseArgs } from 'node:util'
import pg from 'pg'
import { openDeployment } from '../deployment.mjs'
import { postgresVersion, record, say } from '../record.mjs'
import { openAirflow } from './airflow.mjs'
import { baramSetup, openBaram } from './baram.mjs'
import { openBare } from './bare.mjs'
import { installAirflow, installLibraries, versions } from './install.mjs'
import { openLibrary } from './library.mjs'
import { CONCURRENCY, MEASURES, measureInTurn } from './measures.mjs'
import { startRedis } from './redis.mjs'
import { aboutLines, tableLines } from './table.mjs'

const { values: flags } = parseArgs({
  options: {
    /** Counted runs of a measure; those of more than 5 s are taken three times. */
    runs: { type: 'string', default: '5' },
    /** Jobs of the row of no-ops. */
    sustained: { type: 'string', default: '5000' },
    /** Exit code 1 when a peer could not be measured. */
    all: { type: 'boolean', default: false },
    /** Keeps the table in docs/benchmarks.md. */
    record: { type: 'boolean', default: false },
    /** What the kept numbers must be read with. */
    note: { type: 'string' },
  },
})
const setup = { concurrency: CONCURRENCY, sizes: { chain: 100, sustained: Number(flags.sustained) } }
/** The others' connections come to Baram's own. */
const POSTGRES = { max_connections: '200' }

const peers = []
const results = new Map(MEASURES.map(({ id }) => [id, new Map()]))
/** Ends what was started, newest first. */
const closers = []
async function closeAll() {
  while (closers.length > 0) await closers.pop()()
}

/** Opens a peer, or notes why there is none. */
async function add(title, open) {
  console.log(`starting ${title} …`)
  try {
    const peer = await open()
    closers.push(peer.close)
    peers.push(peer)
  } catch (error) {
    console.error(error)
    peers.push({ title, failed: `not measured: ${error.message.split('\n')[0]}`, measures: {} })
  }
}

/** A database of its own on the shared server. */
async function database(d, name) {
  const admin = new pg.Client({ connectionString: d.server.url })
  await admin.connect()
  await admin.query(`create database ${name}`)
  await admin.end()
  return d.server.url.replace('/baram?', `/${name}?`)
}

async function measure(some) {
  const idle = MEASURES.filter(({ isIdle }) => isIdle)
  for (const one of [...idle, ...MEASURES.filter(({ isIdle }) => !isIdle)]) {
    const found = await measureInTurn(some, one, Number(flags.runs))
    for (const [peer, values] of found) results.get(one.id).set(peer, values)
    console.log(`measured ${one.id}: ${[...found.keys()].map((peer) => peer.title).join(', ') || 'none'}`)
  }
}

/** The libraries of npm, each with what it needs. */
async function addLibraries(d) {
  const options = async () => ({ ...setup, versions, folder: await installLibraries() })
  await add('BullMQ', async () => {
    const installed = await options()
    const redis = await startRedis()
    closers.push(redis.close)
    return openLibrary('BullMQ', './bullmq.mjs', { ...installed, redisPort: redis.port })
  })
  await add('DBOS', async () =>
    openLibrary('DBOS', './dbos.mjs', { ...(await options()), url: await database(d, 'dbos') }),
  )
  for (const isFast of [false, true])
    await add(isFast ? 'graphile-worker, fast preset' : 'graphile-worker', async () => {
      const url = await database(d, isFast ? 'graphile_fast' : 'graphile')
      const title = isFast ? 'graphile-worker, fast preset' : 'graphile-worker'
      return openLibrary(title, './graphile-worker.mjs', { ...(await options()), url, isFast })
    })
}

async function compare(d) {
  await add('bare commits', async () => openBare({ ...setup, url: await database(d, 'bare') }))
  await add('Baram', () => openBaram(d, setup))
  await addLibraries(d)
  await measure(peers.slice())
  await closeAll()
  await add('Apache Airflow', async () => {
    const folder = await installAirflow()
    return openAirflow({ ...setup, folder, url: await database(d, 'airflow') })
  })
  await measure(peers.slice(-1))
  await closeAll()
  for (const line of [...aboutLines(peers), ...tableLines(peers, MEASURES, results)]) say(line)
}

const isWhole = () =>
  peers.every((peer) => !peer.failed) &&
  [...results.values()].every((byPeer) => [...byPeer.values()].every(({ failed }) => failed === undefined))

const d = await openDeployment({ ...baramSetup(setup), postgres: POSTGRES })
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, async () => {
    await closeAll()
    await d.close()
    process.exit(130)
  })

try {
  await compare(d)
  if (flags.record) record({ section: 'Beside others', postgres: await postgresVersion(d), note: flags.note })
} finally {
  await closeAll()
  await d.close()
}
if (flags.all && !isWhole()) {
  console.error('a peer could not be measured: its rows above say why')
  process.exitCode = 1
}
