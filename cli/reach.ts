// Where each command works: on a server that was named, on this machine, or anywhere. One table, so that no command is asked
// of one deployment and done to another.

import type { Command } from 'commander'
import { remoteSettings } from '../runtime/config.ts'
import { LOCAL } from './profiles.ts'
import { findTarget, localOnly, type Target, type TargetOptions } from './target.ts'

export type Reach =
  /** By a server as well as here. */
  | 'served'
  /** It is about servers, and reads for itself which one. */
  | 'session'
  /** Needs no deployment at all. */
  | 'offline'
  /** Makes, runs or repairs this machine's deployment: a profile in use is not meant for it. */
  | 'machine'
  /** This machine's deployment alone: a server has no operation for it. */
  | 'local'

/** Every command, in the order of `dagctl --help`. */
export const REACH: Readonly<Record<string, Reach>> = {
  version: 'offline',
  standalone: 'machine',
  'db init': 'machine',
  'db migrate': 'machine',
  'db confirm-clock': 'machine',
  'db check': 'machine',
  'db clean': 'machine',
  scheduler: 'machine',
  worker: 'machine',
  webserver: 'machine',
  'dags list': 'served',
  'dags show': 'served',
  'dags trigger': 'served',
  'dags pause': 'served',
  'dags unpause': 'served',
  'dags next-execution': 'served',
  'dags list-runs': 'served',
  'dags list-import-errors': 'served',
  'dags versions': 'served',
  'dags source': 'served',
  'dags diff': 'local',
  'dags clear': 'served',
  'dags mark': 'served',
  'dags note': 'served',
  'dags delete-run': 'served',
  'dags delete': 'served',
  trigger: 'served',
  'runs list': 'served',
  'runs show': 'served',
  'runs watch': 'served',
  'tasks list': 'served',
  'tasks states-for-dag-run': 'served',
  'tasks clear': 'served',
  'tasks mark': 'served',
  'tasks test': 'offline',
  'tasks render': 'offline',
  'tasks logs': 'served',
  logs: 'served',
  why: 'served',
  'backfill create': 'served',
  'backfill list': 'served',
  'backfill show': 'local',
  'backfill pause': 'served',
  'backfill unpause': 'served',
  'backfill cancel': 'served',
  'pools list': 'served',
  'pools get': 'served',
  'pools set': 'served',
  'pools delete': 'served',
  check: 'offline',
  plan: 'local',
  init: 'offline',
  new: 'offline',
  test: 'offline',
  'variables list': 'served',
  'variables get': 'served',
  'variables set': 'served',
  'variables delete': 'served',
  'variables import': 'served',
  'variables export': 'local',
  'connections list': 'served',
  'connections get': 'served',
  'connections add': 'served',
  'connections delete': 'served',
  'connections import': 'served',
  'connections export': 'local',
  doctor: 'local',
  tail: 'local',
  'users create': 'local',
  'users list': 'local',
  'users reset-password': 'local',
  'users link': 'local',
  info: 'local',
  'import-crontab': 'offline',
  login: 'session',
  logout: 'session',
  'profiles list': 'session',
  'profiles use': 'session',
  completion: 'offline',
  complete: 'served',
}

/** The words of a command, without `dagctl`. */
export function pathOf(command: Command): string {
  const words: string[] = []
  for (let at: Command | null = command; at?.parent; at = at.parent) words.unshift(at.name())
  return words.join(' ')
}

const isNamed = ({ url, token, profile }: TargetOptions): boolean =>
  url !== undefined || token !== undefined || (profile !== undefined && profile !== LOCAL)

/** Also by the environment, as for one shell. */
function isNamedAround(options: TargetOptions): boolean {
  if (isNamed(options)) return true
  if (options.profile === LOCAL) return false
  const { url, profile } = remoteSettings()
  return url !== null || (profile !== null && profile !== LOCAL)
}

function refuse(path: string, options: TargetOptions): Target | null {
  const server = findTarget(options)
  if (server === null) return null
  throw localOnly(
    `dagctl ${path}`,
    server,
    'run it on the machine of the deployment, or add --profile local for this one',
  )
}

/**
 * The server that a command speaks to; null = this machine.
 * @throws BaramError LOCAL_ONLY when a server was named for a command that none can serve
 */
export function reachOf(path: string, options: TargetOptions): Target | null {
  // What the table has not is of this machine: nobody has thought about it.
  switch (REACH[path] ?? 'local') {
    case 'served':
      return findTarget(options)
    case 'session':
      return null
    case 'offline':
      return isNamed(options) ? refuse(path, options) : null
    case 'machine':
      return isNamedAround(options) ? refuse(path, options) : null
    case 'local':
      return refuse(path, options)
  }
}
