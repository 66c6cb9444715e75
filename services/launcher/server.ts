// A server made of members: started in order, stopped in reverse, each member killed and restarted by name.

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { packageRoot } from '../../runtime/paths.ts'
import { waitUntil } from '../../runtime/processes.ts'
import { ServiceError } from './errors.ts'
import { fetchJars } from './java.ts'
import {
  isRunning,
  killMember,
  type MemberSpec,
  type MemberState,
  memoryOf,
  startMember,
  stopMember,
} from './member.ts'
import { fetchPythonPackage } from './python.ts'
import { launcherOf, type ServerName } from './registry.ts'
import { readState, type ServerState, writeState } from './state.ts'

export type Endpoints = Readonly<Record<string, string>>
export type Needs = Readonly<Partial<Record<ServerName, RunningServer>>>

/** What a launcher works with. */
export interface Launch {
  /** Of this run alone, empty at first: data, configuration, logs. */
  readonly folder: string
  /** `services/<name>` in the source tree: pom.xml, Java sources. */
  readonly assets: string
  /** A server this one was declared to need. */
  need(name: ServerName): RunningServer
  /** The jars of `pom.xml` in the assets (or in `services/<other>`). */
  jars(service?: string): Promise<readonly string[]>
  /** The folder of a package of PyPI. */
  pythonPackage(name: string, version: string): Promise<string>
  /** Starts a member and waits until it serves. */
  start(member: MemberSpec): Promise<void>
  /** Waits for what only the whole shows, such as "both DataNodes are registered". @throws ServiceError */
  until(what: string, condition: () => Promise<boolean>, limitMs?: number): Promise<void>
}

/** How a server is started. Its module is loaded only when it is. */
export interface Launcher {
  /** Servers that must run before it. */
  readonly needs?: readonly ServerName[]
  launch(launch: Launch): Promise<Endpoints>
}

export interface RunningServer {
  readonly name: ServerName
  readonly folder: string
  readonly endpoints: Endpoints
  /** Their names, in the order they were started. */
  readonly members: readonly string[]
  /** Whether every member runs. */
  isRunning(): boolean
  /** Resident bytes of all members. */
  memory(): number
  /** SIGKILL, as a crash would. */
  kill(member: string): Promise<void>
  /** Stops it if it runs, starts it anew and waits until it serves. */
  restart(member: string): Promise<void>
  /** Stops all members; their data and logs stay in the folder. */
  stop(): Promise<void>
}

export interface StartOptions {
  /** Removed and made anew: two servers must not share one. */
  readonly folder: string
  /** The servers this one is declared to need, running. */
  readonly needs?: Needs
  /** Default `.services/cache` beside package.json. */
  readonly cacheFolder?: string
}

/** Where servers live unless told otherwise: git ignores it. */
export const servicesFolder: string = join(packageRoot, '.services')

const UNTIL_MS = 90_000

class Server implements RunningServer {
  readonly folder: string
  #state: ServerState
  #saved: Promise<void> = Promise.resolve()

  constructor(folder: string, state: ServerState) {
    this.folder = folder
    this.#state = state
  }

  get name(): ServerName {
    return this.#state.name
  }

  get endpoints(): Endpoints {
    return this.#state.endpoints
  }

  get members(): readonly string[] {
    return this.#state.members.map((member) => member.name)
  }

  isRunning(): boolean {
    return this.#state.members.length > 0 && this.#state.members.every(isRunning)
  }

  memory(): number {
    return this.#state.members.reduce((sum, member) => sum + memoryOf(member), 0)
  }

  async serve(endpoints: Endpoints): Promise<void> {
    await this.#save({ ...this.#state, endpoints })
  }

  async start(spec: MemberSpec): Promise<void> {
    await startMember(this.folder, spec, async (member) => {
      const others = this.#state.members.filter((known) => known.name !== member.name)
      await this.#save({ ...this.#state, members: [...others, member] })
    })
  }

  async kill(name: string): Promise<void> {
    await killMember(this.#member(name))
  }

  async restart(name: string): Promise<void> {
    const member = this.#member(name)
    await stopMember(member)
    await this.start(member)
  }

  async stop(): Promise<void> {
    for (const member of this.#state.members.toReversed()) await stopMember(member)
    await this.#save({ ...this.#state, members: [] })
  }

  /** Members are started side by side; their writes follow one another, so that the last one tells all. */
  async #save(state: ServerState): Promise<void> {
    this.#state = state
    this.#saved = this.#saved.then(() => writeState(this.folder, state))
    await this.#saved
  }

  #member(name: string): MemberState {
    const found = this.#state.members.find((member) => member.name === name)
    if (found !== undefined) return found
    throw new ServiceError('usage', `${this.name} has no member ${name}, only ${this.members.join(', ')}`)
  }
}

function launchOf(server: Server, { needs = {}, cacheFolder = join(servicesFolder, 'cache') }: StartOptions): Launch {
  const { name, folder } = server
  return {
    folder,
    assets: join(packageRoot, 'services', name),
    need(other) {
      const found = needs[other]
      if (found !== undefined) return found
      throw new ServiceError('usage', `${name} needs ${other}: start that first and give it in needs`)
    },
    jars: (service = name) => fetchJars(join(packageRoot, 'services', service, 'pom.xml'), cacheFolder),
    pythonPackage: (name, version) => fetchPythonPackage(name, version, cacheFolder),
    start: (member) => server.start(member),
    async until(what, condition, limitMs = UNTIL_MS) {
      if (await waitUntil(condition, limitMs, 100)) return
      throw new ServiceError(
        'failed',
        `${name}: not within ${limitMs / 1000} s: ${what}. Logs: ${join(folder, 'logs')}`,
      )
    },
  }
}

/**
 * Starts a server with a folder of its own and returns when it serves.
 * @throws ServiceError, with nothing of it left running
 */
export async function startServer(name: ServerName, options: StartOptions): Promise<RunningServer> {
  const launcher = await launcherOf(name)
  const before = await findServer(options.folder)
  if (before?.isRunning())
    throw new ServiceError('failed', `${before.name} already runs in ${options.folder}: stop it first`)
  await before?.stop()
  await rm(options.folder, { recursive: true, force: true })
  const server = new Server(options.folder, { name, startedAt: new Date().toISOString(), endpoints: {}, members: [] })
  try {
    await server.serve({})
    await server.serve(await launcher.launch(launchOf(server, options)))
    return server
  } catch (error) {
    await server.stop()
    throw error
  }
}

/** The server that was started in a folder, by whichever process, running or not; `null` when there was none. */
export async function findServer(folder: string): Promise<RunningServer | null> {
  const state = await readState(folder)
  return state === null ? null : new Server(folder, state)
}
