// One session of a HiveServer2, over the package hive-driver with what it lacks: every call ends.
//
// The driver resolves `connect` on a closed port and waits for ever on a server that died. So each call is raced with the
// connection's own end and with a time limit. A session answers one call at a time: statements stand in line.

import { setTimeout as sleep } from 'node:timers/promises'
import type { TaskLogger } from '../../../sdk/index.ts'
import { type ExactResult, type ExactRow, type StatementOptions, StatementTimedOut } from '../../duckdb/session.ts'
import type { HiveTarget } from './connection.ts'
import { HiveStatementError, HiveUnreachableError, messageOf } from './errors.ts'
import { columnsOf, decodePage, resultOf } from './rows.ts'

/** Rows of a page: enough to make round trips rare, few enough to decode in little memory. */
const PAGE_ROWS = 5_000
const FIRST_POLL_MS = 10
const LONGEST_POLL_MS = 500
const CANCEL_MS = 5_000
const PROGRESS_MS = 5_000
/** Of the protocol's `TGetInfoType`. */
const DBMS_NAME = 17

type Driver = typeof import('hive-driver')
type Client = InstanceType<Driver['HiveClient']>
type Session = Awaited<ReturnType<Client['openSession']>>
type Operation = Awaited<ReturnType<Session['executeStatement']>>

interface Constants {
  readonly TProtocolVersion: Readonly<Record<string, number>>
  readonly TOperationState: Readonly<Record<string, number>>
  readonly TTypeId: Readonly<Record<string, number>>
}

/** A promise that is rejected when the connection ends, and never resolved. */
class Ending {
  readonly promise: Promise<never>
  #reject: (error: Error) => void = () => undefined

  constructor() {
    this.promise = new Promise<never>((_, reject) => {
      this.#reject = reject
    })
    // Told by the call that is under way; without one there is nobody to tell.
    this.promise.catch(() => undefined)
  }

  end(error: Error): void {
    this.#reject(error)
  }
}

async function raced<T>(call: Promise<T>, ending: Ending, limitMs: number, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), limitMs)
  })
  // A call that loses the race may still fail later.
  call.catch(() => undefined)
  try {
    return await Promise.race([call, ending.promise, limit])
  } finally {
    clearTimeout(timer)
  }
}

function tlsOptions({ isTls, verify, ca, transport }: HiveTarget): Readonly<Record<string, unknown>> {
  if (!isTls) return {}
  const tls = { rejectUnauthorized: verify, ...(ca !== undefined && { ca }) }
  // Left alone, the driver verifies no certificate.
  return transport === 'http' ? { https: true, nodeOptions: tls } : { ssl: true, ...tls }
}

function authenticationOf({ auth, transport, login, password }: HiveTarget, driver: Driver) {
  const who = { username: login, password }
  if (transport === 'http') return new driver.auth.PlainHttpAuthentication(who)
  return auth === 'NOSASL' ? new driver.auth.NoSaslAuthentication() : new driver.auth.PlainTcpAuthentication(who)
}

export interface HiveStatementOptions extends StatementOptions {
  /** Rows to fetch at most. Default: all. */
  readonly maxRows?: number
}

export class HiveSession {
  readonly name: string
  readonly #target: HiveTarget
  readonly #log: Pick<TaskLogger, 'info' | 'debug'>
  readonly #client: Client
  readonly #session: Session
  readonly #ending: Ending
  readonly #states: ReadonlyMap<number, string>
  readonly #types: ReadonlyMap<number, string>
  #line: Promise<unknown> = Promise.resolve()

  constructor(
    target: HiveTarget,
    log: Pick<TaskLogger, 'info' | 'debug'>,
    opened: { client: Client; session: Session; ending: Ending; constants: Constants },
  ) {
    this.name = `Hive at ${target.host}:${target.port}`
    this.#target = target
    this.#log = log
    this.#client = opened.client
    this.#session = opened.session
    this.#ending = opened.ending
    this.#states = namesOf(opened.constants.TOperationState, '_STATE')
    this.#types = namesOf(opened.constants.TTypeId, '_TYPE')
  }

  /**
   * Runs one statement to its end, and fetches its rows page by page.
   * @throws HiveStatementError, HiveUnreachableError, StatementTimedOut, or the signal's reason
   */
  run(sql: string, options: HiveStatementOptions = {}): Promise<ExactResult> {
    const turn = this.#line.then(() => this.#guarded(sql, options))
    this.#line = turn.catch(() => undefined)
    return turn
  }

  /** What the server calls itself, such as `Apache Hive` or `Spark SQL`; empty when it does not say. */
  async serverName(): Promise<string> {
    const asking = this.#call('asking for the name of the server', this.#session.getInfo(DBMS_NAME))
    const value = await asking.catch((error: unknown) => {
      if (error instanceof HiveUnreachableError) throw error
      return null
    })
    return String(value?.getValue() ?? '')
  }

  async close(): Promise<void> {
    await this.#call('closing the session', this.#session.close(), CANCEL_MS).catch(() => undefined)
    this.#client.close()
  }

  /** What ends a statement early cancels it on the server and is told as what it was. */
  async #guarded(sql: string, options: HiveStatementOptions): Promise<ExactResult> {
    const { signal, timeoutMs = this.#target.statementTimeoutMs } = options
    signal?.throwIfAborted()
    const stop = new AbortController()
    const abort = () => stop.abort(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    const timer =
      timeoutMs === undefined ? undefined : setTimeout(() => stop.abort(new StatementTimedOut(timeoutMs)), timeoutMs)
    try {
      return await this.#execute(sql, options.maxRows ?? Number.POSITIVE_INFINITY, stop.signal)
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
  }

  async #execute(sql: string, maxRows: number, signal: AbortSignal): Promise<ExactResult> {
    const starting = this.#session.executeStatement(sql, { runAsync: true })
    const operation = await this.#unless(signal, this.#call('starting a statement', starting)).catch(
      (error: unknown) => {
        // Hive compiles before it answers, and cannot be told to stop until it has.
        void starting.then((late) => this.#cancel(late)).catch(() => undefined)
        throw error
      },
    )
    try {
      await this.#untilDone(operation, signal)
      return await this.#fetch(operation, maxRows, signal)
    } catch (error) {
      if (signal.aborted) await this.#cancel(operation)
      throw error
    } finally {
      await this.#call('closing a statement', operation.close(), CANCEL_MS).catch(() => undefined)
    }
  }

  async #untilDone(operation: Operation, signal: AbortSignal): Promise<void> {
    let told = performance.now()
    for (let pause = FIRST_POLL_MS; ; pause = Math.min(pause * 2, LONGEST_POLL_MS)) {
      const status = await this.#unless(signal, this.#call('asking for the status', operation.status(true)))
      const state = this.#states.get(status.operationState ?? -1) ?? 'UNKNOWN'
      if (state === 'FINISHED') return
      if (!['INITIALIZED', 'RUNNING', 'PENDING'].includes(state)) {
        const numbers = { code: status.errorCode ?? 0, sqlState: status.sqlState ?? '' }
        throw new HiveStatementError(
          `${state.toLowerCase()}: ${messageOf({ message: status.errorMessage ?? '' })}`,
          numbers,
        )
      }
      const percent = Math.round((status.progressUpdateResponse?.progressedPercentage ?? 0) * 100)
      if (performance.now() - told > PROGRESS_MS) {
        told = performance.now()
        this.#log.info({ state: state.toLowerCase(), percent }, 'Hive is working')
      }
      await sleep(pause, undefined, { signal }).catch(() => signal.throwIfAborted())
    }
  }

  async #fetch(operation: Operation, maxRows: number, signal: AbortSignal): Promise<ExactResult> {
    const pages: (readonly ExactRow[])[] = []
    let count = 0
    operation.setMaxRows(Math.min(PAGE_ROWS, maxRows))
    do {
      await this.#unless(signal, this.#call('fetching rows', operation.fetch()))
      const columns = columnsOf(operation.getSchema(), this.#types)
      for (const page of operation.getData()) {
        const rows = decodePage(page, columns)
        count += rows.length
        pages.push(rows)
      }
      operation.flush()
    } while (operation.hasMoreRows() && count < maxRows)
    return resultOf(columnsOf(operation.getSchema(), this.#types), pages)
  }

  async #cancel(operation: Operation): Promise<void> {
    await this.#call('cancelling', operation.cancel(), CANCEL_MS).catch((error: unknown) => {
      this.#log.debug({ reason: messageOf(error) }, 'the statement may still run on the server')
    })
  }

  async #unless<T>(signal: AbortSignal, call: Promise<T>): Promise<T> {
    signal.throwIfAborted()
    let abort: (() => void) | undefined
    const aborted = new Promise<never>((_, reject) => {
      abort = () => reject(signal.reason)
      signal.addEventListener('abort', abort, { once: true })
    })
    call.catch(() => undefined)
    try {
      return await Promise.race([call, aborted])
    } finally {
      if (abort !== undefined) signal.removeEventListener('abort', abort)
    }
  }

  /** One call of the protocol: answered, or ended by the connection's end or by time. */
  async #call<T>(what: string, call: Promise<T>, limitMs = this.#target.callTimeoutMs): Promise<T> {
    const late = () => new HiveUnreachableError(`${this.name}: ${what}: no answer within ${limitMs / 1000} s`)
    try {
      return await raced(call, this.#ending, limitMs, late)
    } catch (error) {
      if (error instanceof HiveUnreachableError) throw error
      const code = typeof error === 'object' && error !== null && 'code' in error ? Number(error.code) : 0
      throw new HiveStatementError(messageOf(error), { code })
    }
  }
}

/** `FINISHED_STATE: 2` as 2 → FINISHED. */
function namesOf(constants: Readonly<Record<string, number>>, suffix: string): ReadonlyMap<number, string> {
  return new Map(Object.entries(constants).map(([name, value]) => [value, name.replace(suffix, '')]))
}

/** @throws HiveUnreachableError, also for a server that closes the connection or says nothing */
export async function openHiveSession(
  target: HiveTarget,
  log: Pick<TaskLogger, 'info' | 'debug'>,
  connectTimeoutMs = 30_000,
): Promise<HiveSession> {
  const driver: Driver = (await import('hive-driver')).default as unknown as Driver
  // Generated by thrift without types.
  const constants = driver.thrift.TCLIService_types as Constants & object
  const client = new driver.HiveClient(driver.thrift.TCLIService as object, constants as never)
  const ending = new Ending()
  const where = `Hive at ${target.host}:${target.port}`
  client.on('error', (error: unknown) => ending.end(new HiveUnreachableError(`${where}: ${messageOf(error)}`)))
  client.on('close', () => ending.end(new HiveUnreachableError(`${where} closed the connection`)))
  const late = () =>
    new HiveUnreachableError(
      `${where} did not open a session within ${connectTimeoutMs / 1000} s: is extra.auth the server's hive.server2.authentication?`,
    )
  const { http, tcp } = { http: new driver.connections.HttpConnection(), tcp: new driver.connections.TcpConnection() }
  const opening = async () => {
    await client.connect(
      { host: target.host, port: target.port, options: { path: target.httpPath, ...tlsOptions(target) } },
      target.transport === 'http' ? http : tcp,
      authenticationOf(target, driver),
    )
    return client.openSession({
      client_protocol: constants.TProtocolVersion['HIVE_CLI_SERVICE_PROTOCOL_V10'] ?? 9,
      configuration: { 'use:database': target.database } as never,
    })
  }
  try {
    const session = await raced(opening(), ending, connectTimeoutMs, late)
    return new HiveSession(target, log, { client, session, ending, constants })
  } catch (error) {
    client.close()
    if (error instanceof HiveUnreachableError) throw error
    throw new HiveUnreachableError(`${where}: ${messageOf(error)}`, { cause: error })
  }
}
