// The web process: REST API, pages, streams. Its lease is a job row like everybody's; it never loads users' code.

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { BaramError, messageOf } from '../core/errors.ts'
import { Lease } from '../engine/process/lease.ts'
import { PageNotifier } from '../engine/process/page-notifier.ts'
import { RunTransactions } from '../engine/transaction/run-transaction.ts'
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

/** @throws BaramError CONFIG_INVALID when the pages were not built or the address cannot be used */
export async function startWebserver(deps: WebserverDeps): Promise<Webserver> {
  const { config, database, log, jwtSecret } = deps
  if (jwtSecret.length < 32)
    throw new BaramError(
      'CONFIG_INVALID',
      `the key of API tokens must have at least 32 bytes, found ${jwtSecret.length}`,
    )
  const allAdmins = config.allAdmins && isLoopback(config.host)
  if (config.allAdmins && !allAdmins)
    log.warn(
      { host: config.host },
      'simple_auth_manager_all_admins counts only when listening on loopback; signing in is needed',
    )
  const hub = new EventHub(database, log)
  const pages: PageNotifier = new PageNotifier(() => listener.sql, log)
  const transactions = new RunTransactions({
    database,
    runCache: deps.runCache,
    log,
    limits: { parallelism: config.parallelism },
    who: 'web',
    onChange: (result) => pages.add(result.changedRuns),
  })
  const web: Web = {
    ...deps,
    transactions,
    config: Object.freeze({ ...config, allAdmins }),
    tokens: new Tokens(jwtSecret, database, allAdmins),
    assets: await loadAssets(),
    hub,
    cells: new RunCells(),
    logs: new IndexCache(),
  }
  const streams = new Streams(web)
  const listener = new Listener({
    database,
    channels: ['ui'],
    log,
    onNotify: (_channel, payload) => hub.notify(payload),
    onCatchUp: () => hub.catchUp(),
  })
  await listener.start()
  const server = createServer(
    { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS, maxHeaderSize: 16_384 },
    makeApp(web, streams),
  )
  let address: AddressInfo
  try {
    address = await listen(server, config.host, config.port)
  } catch (cause) {
    await listener.stop()
    throw new BaramError('CONFIG_INVALID', `cannot listen on ${config.host}:${config.port}: ${messageOf(cause)}`, {
      cause,
    })
  }
  const lease = await Lease.take({
    jobType: 'WebserverJob',
    info: { host: config.host, port: address.port },
    heartbeatMs: config.heartbeatMs,
    leaseMs: config.leaseMs,
    log,
    sql: () => listener.sql,
    lastDownAt: () => listener.lastDownAt,
    session: web.database.session,
    outageMs: config.outageMs,
    // Nothing acts in its name: it goes on serving, and only its row says that it was away.
    onLost: (reason) => log.warn({ reason }, 'the lease of the webserver was lost'),
  })
  const host = config.host.includes(':') ? `[${config.host}]` : config.host
  const url = `http://${host === '0.0.0.0' ? 'localhost' : host}:${address.port}`
  log.info({ url, jobId: lease.jobId }, 'webserver listens')
  return {
    url,
    port: address.port,
    async close() {
      hub.close()
      streams.closeAll()
      await closeServer(server)
      await lease
        .end('success')
        .catch((error: unknown) => log.warn({ err: messageOf(error) }, 'the job row of the webserver was not ended'))
      await transactions.close()
      await pages.flush()
      await listener.stop()
    },
  }
}
