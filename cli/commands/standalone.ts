// `dagctl standalone`: everything on one machine. Brings up the database, then supervises scheduler, worker and web
// server; takes all of it down again within seconds.

import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { BaramError, messageOf } from '../../core/errors.ts'
import { createAccount, listAccounts, makeSignInToken } from '../../engine/admin/accounts.ts'
import { setConnection } from '../../engine/admin/connections.ts'
import { setVariable } from '../../engine/admin/variables.ts'
import { migrations } from '../../migrations/index.ts'
import { type Config, loadConfig } from '../../runtime/config.ts'
import { type Logger, makeTerminalLogger } from '../../runtime/logger.ts'
import { productVersion } from '../../runtime/paths.ts'
import { isAlive, sharesPids, thisProcess } from '../../runtime/processes.ts'
import { acquireHomeLock } from '../../services/home-lock.ts'
import { type DataLogin, type EmbeddedPostgres, startEmbeddedPostgres } from '../../services/postgres/index.ts'
import { startShop } from '../../services/simulated/gmarket/shop.ts'
import { startPrices } from '../../services/simulated/prices/server.ts'
import { startHistory } from '../../services/simulated/stocks/server.ts'
import { startExchange } from '../../services/simulated/upbit/exchange.ts'
import { startWeather } from '../../services/simulated/weather/server.ts'
import { migrate } from '../../store/migrate.ts'
import { endJobsOfProcess } from '../../store/postgres/jobs.ts'
import { notifyScheduler } from '../../store/postgres/notify.ts'
import { port } from '../arguments.ts'
import { EXIT } from '../exit.ts'
import { print, setExitCode, tell } from '../output.ts'
import { style } from '../style.ts'
import { Supervisor } from '../supervise.ts'
import { type Context, forgetDatabaseUrl, makeHome, noteDatabaseUrl, openOn } from '../wire.ts'
import { newPassword } from './users.ts'

/** Everything must be down 5 s after Ctrl-C: the processes get most of it. */
const STOP_MS = 3_500
/** What a task is given to end by itself when the whole standalone stops, seconds. */
const TASK_GRACE_S = 2

/** Things to undo, in reverse, whatever happens in between. */
class Undo {
  private readonly steps: { readonly what: string; run(): Promise<void> }[] = []

  add(what: string, run: () => Promise<void> | void): void {
    this.steps.push({ what, run: async () => run() })
  }

  async all(log: Logger): Promise<void> {
    for (const { what, run } of this.steps.splice(0).reverse()) {
      await run().catch((error: unknown) => log.warn({ err: messageOf(error), what }, 'a step of the shutdown failed'))
    }
  }
}

interface Flags {
  readonly port?: number
  readonly examples: boolean
}

/** How often the launcher looks whether its Postgres still lives, ms. */
const POSTGRES_LOOK_MS = 250

/** The embedded server, started again when it dies: its data recovers by itself, clients connect anew. */
async function keepPostgres(config: Config, log: Logger, undo: Undo): Promise<EmbeddedPostgres> {
  let server = await startEmbeddedPostgres({ home: config.home, log })
  if (server.adopted) tell(style.dim('Took over the Postgres that an earlier Baram left running.'))
  let isBusy = false
  const timer = setInterval(() => {
    if (isBusy || isAlive(server.pid)) return
    isBusy = true
    tell(style.yellow('Postgres ended; starting it again'))
    startEmbeddedPostgres({ home: config.home, log })
      .then((next) => {
        server = next
        noteDatabaseUrl(config, next.url)
      })
      .catch((error: unknown) =>
        log.error({ err: messageOf(error) }, 'Postgres could not be started again; the next try follows'),
      )
      .finally(() => {
        isBusy = false
      })
  }, POSTGRES_LOOK_MS)
  undo.add('stop Postgres', () => server.stop())
  undo.add('stop watching Postgres', () => clearInterval(timer))
  return server
}

interface Databases {
  readonly metadata: string
  /** Of the embedded backends; null when the database is not the embedded one. */
  readonly lake: DataLogin | null
}

async function openDatabaseFor(config: Config, log: Logger, undo: Undo): Promise<Databases> {
  const lock = await acquireHomeLock(config.home)
  undo.add('release the home', () => lock.release())
  if (config.databaseUrl !== null) return { metadata: config.databaseUrl, lake: null }
  const server = await keepPostgres(config, log, undo)
  noteDatabaseUrl(config, server.url)
  undo.add('forget the database URL', () => forgetDatabaseUrl(config))
  return { metadata: server.url, lake: server.lake }
}

/** Who sets what each start brings, in the audit log. */
const STANDALONE = { name: 'standalone', via: 'cli' } as const

/** What the example pipelines read without connections of the user's own, and where their tables are. */
async function openSimulated(context: Context, undo: Undo): Promise<void> {
  const now = () => Date.now()
  const exchange = await startExchange({ now })
  undo.add('stop the simulated exchange', () => exchange.close())
  const shop = await startShop({ now })
  undo.add('stop the simulated shop', () => shop.close())
  const history = await startHistory()
  undo.add('stop the simulated history', () => history.close())
  const weather = await startWeather({ now })
  undo.add('stop the simulated weather service', () => weather.close())
  const prices = await startPrices({ now })
  undo.add('stop the simulated price service', () => prices.close())
  const note = 'of this standalone; set at every start'
  const set = (key: string, value: string, what: string) =>
    setVariable(context, { key, value, description: `${what} ${note}` }, STANDALONE)
  await set('upbit_simulated_url', exchange.url, 'Simulated exchange')
  await set('gmarket_simulated_url', shop.url, 'Simulated shop')
  await set('stocks_simulated_url', history.url, 'Generated history')
  await set('weather_simulated_url', weather.url, 'Simulated weather service')
  await set('prices_simulated_url', prices.url, 'Simulated market price service')
}

/** The database of the embedded backends, for tasks: they get it as they get any connection, on demand and masked. */
async function noteEmbeddedDatabase(context: Context, lake: DataLogin): Promise<void> {
  await setConnection(
    context,
    {
      connId: 'embedded_postgres',
      connType: 'postgres',
      description: 'Embedded database for data, apart from the metadata; set at every start',
      host: lake.host,
      schema: lake.database,
      login: lake.role,
      password: lake.password,
      port: lake.port,
      extra: null,
    },
    STANDALONE,
  )
}

/** The settings of the supervised processes: ours, and what the flags changed. */
function processEnv(config: Config, flags: Flags): Record<string, string | undefined> {
  const env: Record<string, string | undefined> = { ...config.environment, BARAM_HOME: config.home }
  if (flags.port !== undefined) env['BARAM__API__PORT'] = String(flags.port)
  if (!flags.examples) env['BARAM__CORE__LOAD_EXAMPLES'] = 'False'
  env['BARAM__CORE__KILLED_TASK_CLEANUP_TIME'] ??= String(TASK_GRACE_S)
  return env
}

const NO_CODE_FROM_TEXT = '--disallow-code-generation-from-strings'
/** Of a heap's young generation a third, MB: pages of some hundred kilobytes need no 48. */
const SMALL_YOUNG = '--max-semi-space-size=4'

function superviseProcesses(context: Context, flags: Flags, onReport: (line: string) => void): Supervisor {
  const { config, database, log } = context
  const self = thisProcess()
  const { bootId, pidNamespace } = self
  return new Supervisor(
    [
      { name: 'scheduler', args: ['scheduler'], nodeArgs: [NO_CODE_FROM_TEXT] },
      { name: 'worker', args: ['worker'] },
      { name: 'webserver', args: ['webserver'], nodeArgs: [NO_CODE_FROM_TEXT, SMALL_YOUNG] },
    ],
    {
      env: processEnv(config, flags),
      logFolder: config.logFolder,
      onExit(name, pid, code, signal, isAsked) {
        if (isAsked) return
        onReport(`${name} ended (${signal ?? `exit code ${code}`})`)
        if (!sharesPids(self, self)) return // Not even our own numbers can be told from others': the lease runs out.
        // Recovery on one host need not wait for the lease: the launcher knows that the process is gone.
        void endJobsOfProcess(database, pid, { hostname: hostname(), bootId, pidNamespace })
          .then(() => notifyScheduler(database))
          .catch((error: unknown) =>
            log.warn({ err: messageOf(error) }, 'the lease of a dead process could not be ended'),
          )
      },
    },
  )
}

/**
 * Resolves when it is to stop: asked by a signal, or by an error of its own that nobody caught. Then as well everything
 * that was started is stopped: a launcher that merely died would leave its Postgres and its lock.
 */
function waitForEnd(log: Logger): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve())
    for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
      process.on(event, (error: unknown) => {
        log.error({ err: error }, 'standalone stops after an error that nobody caught')
        setExitCode(EXIT.failed)
        resolve()
      })
    }
  })
}

/** The first account, made once: its password is shown now and never again. */
async function firstAccount(context: Context): Promise<string | null> {
  if ((await listAccounts(context.database)).length > 0) return null
  const password = newPassword()
  await createAccount(context, { username: 'admin', password, role: 'admin', mustChangePassword: true }, STANDALONE)
  return password
}

interface Announcement {
  /** Of the web server. */
  readonly url: string
  readonly token: string
  readonly password: string | null
}

function announce(config: Config, { url, token, password }: Announcement): void {
  print(`\n${style.bold('Baram')} ${productVersion} is running.\n`)
  print(`  Sign in     ${style.cyan(`${url}/sign-in?token=${token}`)} ${style.dim('(once, within 10 minutes)')}`)
  if (password !== null)
    print(
      `  Or as       user ${style.bold('admin')}, password ${style.bold(password)} ${style.dim('(shown only now; a new one is asked for at once)')}`,
    )
  print(`  DAGs        ${config.dagsFolder}`)
  print(`  Home        ${config.home}${config.databaseUrl === null ? ' (with the embedded Postgres)' : ''}`)
  print(`  Logs        ${config.logFolder}`)
  print(
    '  Sources     simulated, until you add the connections upbit_default, gmarket_default, stocks_default, open_data_kr_default\n',
  )
  print(style.dim('Ctrl-C stops everything.'))
}

/** How long the link of the terminal signs in, ms. */
const LINK_MS = 10 * 60_000

async function standalone(flags: Flags): Promise<void> {
  const config = loadConfig()
  makeHome(config)
  const log = makeTerminalLogger('standalone', config.logLevel, join(config.logFolder, 'standalone.log'))
  const undo = new Undo()
  // From here on a signal only asks: each step that has been done is undone.
  const asked = waitForEnd(log)
  try {
    const databases = await openDatabaseFor(config, log, undo)
    await migrate(databases.metadata, migrations)
    const context = openOn(config, log, databases.metadata, 'standalone', true, () => Promise.resolve())
    undo.add('close the database', () => context.close())
    const password = await firstAccount(context)
    await openSimulated(context, undo)
    if (databases.lake !== null) await noteEmbeddedDatabase(context, databases.lake)
    const supervisor = superviseProcesses(context, flags, (line) => {
      tell(style.yellow(line))
      log.info({ line }, 'a process ended and is started again')
    })
    undo.add('stop the processes', () => supervisor.stop(STOP_MS))
    const failed = await supervisor.start()
    if (failed.length > 0) {
      throw new BaramError(
        'CONFIG_INVALID',
        `${failed.join(' and ')} did not start; see ${failed.map((name) => `${config.logFolder}/${name}.log`).join(' and ')}`,
      )
    }
    const token = await makeSignInToken(context.database, 'admin', LINK_MS)
    const listening = supervisor.urlOf('webserver') ?? `http://localhost:${config.port}`
    // Loopback by its name: what people type and what their browser remembers.
    const url = listening.replace('127.0.0.1', 'localhost')
    announce(config, { url, token, password })
    await asked
    tell(style.dim('Stopping …'))
    log.info('standalone stops')
  } finally {
    await undo.all(log)
  }
  setExitCode(0)
}

export function addStandaloneCommand(program: Command): void {
  program
    .command('standalone')
    .description('run everything on this machine, with an embedded Postgres unless a database is configured')
    .option('-p, --port <port>', 'port of UI and API', port('--port'))
    .option('--no-examples', 'do not load the example DAGs that come with the product')
    .action(standalone)
}
