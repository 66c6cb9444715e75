// The web process: REST API, pages, streams. Its lease is a job row like everybody's; it never loads users' code.

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { BaramError, messageOf } from '../core/errors.ts'
import { Lease } from '../engine/process/lease.ts'
import { ProcessMetrics, watchPool } from '../engine/process/metrics.ts'
import { PageNotifier } from '../engine/process/page-notifier.ts'
import { traceEndedRuns } from '../engine/process/traces.ts'
import { RunTransactions } from '../engine/transaction/run-transaction.ts'
import type { Config } from '../runtime/config.ts'
import { Listener } from '../store/listener.ts'
import { makeApp } from './app.ts'
import { loadAssets } from './assets.ts'
import { Tokens } from './auth/tokens.ts'
import type { Web, WebserverDeps } from './deps.ts'
import { EventHub } from './events/hub.ts'
import { Streams } from './events/stream.ts'
import { IndexCache } from './logs/index-cache.ts'
import { RunCells } from './states/run-cells.ts'

export type { WebserverDeps } from './deps.ts'

export interface Webserver {
  readonly url: string
  readonly port: number
  close(): Promise<void>
}

/** Time for a request's headers; slower senders are dropped. */
const HEADERS_TIMEOUT_MS = 15_000
const REQUEST_TIMEOUT_MS = 60_000
/** How long requests that are being answered may take at shutdown. */
const CLOSE_MS = 3_000

const isLoopback = (host: string) => /^(localhost|::1|127(\.\d{1,3}){3})$/.test(host)

function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      const address = server.address()
      if (address === null || typeof address === 'string') reject(new Error('the server has no TCP address'))
      else resolve(address)
    })
  })
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const timer = setTimeout(() => server.closeAllConnections(), CLOSE_MS)
  await closed
  clearTimeout(timer)
}

/** @throws BaramError CONFIG_INVALID */
function checkSecret(secret: WebserverDeps['jwtSecret']): void {
  if (secret.length >= 32) return
  throw new BaramError('CONFIG_INVALID', `the key of API tokens must have at least 32 bytes, found ${secret.length}`)
}

/** The settings as they count: nobody is let in without a name from outside this host. */
function effectiveConfig({ config, log }: WebserverDeps): Config {
  const allAdmins = config.allAdmins && isLoopback(config.host)
  if (config.allAdmins && !allAdmins)
    log.warn(
      { host: config.host },
      'simple_auth_manager_all_admins counts only when listening on loopback; signing in is needed',
    )
  return Object.freeze({ ...config, allAdmins })
}

/** What the parts of the webserver share. */
async function makeWeb(
  deps: WebserverDeps,
  config: Config,
  pages: PageNotifier,
  metrics: ProcessMetrics,
): Promise<Web> {
  const { database, log, runCache, jwtSecret } = deps
  const transactions = new RunTransactions({
    database,
    runCache,
    log,
    limits: { parallelism: config.parallelism },
    who: 'web',
    metrics,
    onChange: ({ changedRuns, endedRuns }) => {
      pages.add(changedRuns)
      void traceEndedRuns({ database, log }, endedRuns)
    },
  })
  return {
    ...deps,
    transactions,
    config,
    tokens: new Tokens(jwtSecret, database, config.allAdmins),
    assets: await loadAssets(),
    hub: new EventHub(database, log),
    cells: new RunCells(),
    logs: new IndexCache(),
  }
}

/** @throws BaramError CONFIG_INVALID when the address cannot be used */
async function openServer(web: Web, streams: Streams): Promise<{ server: Server; port: number }> {
  const { host, port } = web.config
  const limits = { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS, maxHeaderSize: 16_384 }
  const server = createServer(limits, makeApp(web, streams))
  try {
    return { server, port: (await listen(server, host, port)).port }
  } catch (cause) {
    throw new BaramError('CONFIG_INVALID', `cannot listen on ${host}:${port}: ${messageOf(cause)}`, { cause })
  }
}

const takeLease = (
  { config, database, log }: Web,
  listener: Listener,
  port: number,
  metrics: ProcessMetrics,
): Promise<Lease> =>
  Lease.take({
    jobType: 'WebserverJob',
    info: { host: config.host, port },
    heartbeatMs: config.heartbeatMs,
    leaseMs: config.leaseMs,
    log,
    sql: () => listener.sql,
    lastDownAt: () => listener.lastDownAt,
    samples: () => metrics.samples(),
    session: database.session,
    outageMs: config.outageMs,
    // Nothing acts in its name: it goes on serving, and only its row says that it was away.
    onLost: (reason) => log.warn({ reason }, 'the lease of the webserver was lost'),
  })

/** As a browser on this host writes it. */
function urlOf(host: string, port: number): string {
  const name = host.includes(':') ? `[${host}]` : host
  return `http://${name === '0.0.0.0' ? 'localhost' : name}:${port}`
}

/** @throws BaramError CONFIG_INVALID when the pages were not built or the address cannot be used */
export async function startWebserver(deps: WebserverDeps): Promise<Webserver> {
  const { database, log } = deps
  checkSecret(deps.jwtSecret)
  const pages: PageNotifier = new PageNotifier(() => listener.sql, log)
  const metrics = new ProcessMetrics('webserver')
  watchPool(metrics, database)
  const web = await makeWeb(deps, effectiveConfig(deps), pages, metrics)
  const { hub, transactions } = web
  const streams = new Streams(web)
  const listener = new Listener({
    database,
    channels: ['ui'],
    log,
    onNotify: (_channel, payload) => hub.notify(payload),
    onCatchUp: () => hub.catchUp(),
  })
  let server: Server | null = null
  let lease: Lease | null = null
  const close = async () => {
    hub.close()
    streams.closeAll()
    if (server !== null) await closeServer(server)
    await transactions.close()
    await pages.flush()
    await lease
      ?.end('success')
      .catch((error: unknown) => log.warn({ err: messageOf(error) }, 'the job row of the webserver was not ended'))
    await listener.stop()
  }
  try {
    await listener.start()
    const opened = await openServer(web, streams)
    server = opened.server
    lease = await takeLease(web, listener, opened.port, metrics)
    const url = urlOf(web.config.host, opened.port)
    log.info({ url, jobId: lease.jobId }, 'webserver listens')
    return { url, port: opened.port, close }
  } catch (error) {
    await close()
    throw error
  }
}
