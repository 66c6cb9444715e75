// The only reader of process.env; the table of settings stands in settings.ts. `BARAM__SECTION__KEY` wins over `AIRFLOW__SECTION__KEY`;
// the latter is not read for database, keys, home and log folders: two products must not share those by accident.

import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { BaramError } from '../core/errors.ts'
import { SETTINGS, type Setting } from './settings.ts'

type Settings = typeof SETTINGS
export type Environment = Readonly<Record<string, string | undefined>>

export type Config = { readonly [K in keyof Settings]: Settings[K] extends Setting<infer T> ? T : never } & {
  readonly home: string
  /** `AIRFLOW__` settings that were found and have no meaning here. */
  readonly ignoredAirflow: readonly string[]
  /** `BARAM_VAR_X` / `AIRFLOW_VAR_X`, upper-cased names. */
  readonly variableOverrides: ReadonlyMap<string, string>
  /** `BARAM_CONN_X` / `AIRFLOW_CONN_X`, upper-cased names. */
  readonly connectionOverrides: ReadonlyMap<string, string>
  readonly childEnv: Readonly<Record<string, string>>
  /** Everything this process was given, for supervised processes of ours. Never for children that run users' code. */
  readonly environment: Environment
}

const nameOf = (prefix: string, s: { section: string; key: string }) =>
  `${prefix}__${s.section.toUpperCase()}__${s.key.toUpperCase()}`

/** The lines of a `baram.cfg` (`[section]`, `key = value`, `#` comments) as if they were environment variables. */
function readFileSettings(path: string): Record<string, string> {
  let content: string
  try {
    content = readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {} // The file is optional.
    throw new BaramError('CONFIG_INVALID', `the settings file ${path} cannot be read`, { cause: error })
  }
  const found: Record<string, string> = {}
  let section = ''
  for (const [i, raw] of content.split('\n').entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue
    const head = /^\[([a-z_]+)\]$/.exec(line)
    const pair = /^([A-Za-z_]+)\s*=\s*(.*)$/.exec(line)
    if (head?.[1] !== undefined) section = head[1]
    else if (pair?.[1] !== undefined && section !== '')
      found[`BARAM__${section.toUpperCase()}__${pair[1].toUpperCase()}`] = pair[2] ?? ''
    else
      throw new BaramError(
        'CONFIG_INVALID',
        `${path}:${i + 1}: expected [section] or key = value, found ${JSON.stringify(line)}`,
      )
  }
  return found
}

/** `NAME`, or the content of the file that `NAME_FILE` names, so that secrets need not stand in the environment. */
function lookup(env: Environment, name: string): string | undefined {
  const file = env[`${name}_FILE`]
  if (env[name] !== undefined || file === undefined) return env[name]
  return readFileSync(file, 'utf8').trim()
}

function overrides(env: Environment, kind: 'VAR' | 'CONN'): Map<string, string> {
  const found = new Map<string, string>()
  for (const prefix of [`AIRFLOW_${kind}_`, `BARAM_${kind}_`]) {
    for (const [name, value] of Object.entries(env))
      if (name.startsWith(prefix) && value !== undefined) found.set(name.slice(prefix.length), value)
  }
  return found
}

const CHILD_ENV = [
  'PATH',
  'LANG',
  'LC_ALL',
  'TZ',
  'HOME',
  'TMPDIR',
  'NODE_EXTRA_CA_CERTS',
  'HTTPS_PROXY',
  'HTTP_PROXY',
  'NO_PROXY',
]

function pick(env: Environment, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])))
}

function readAll(env: Environment, home: string, faults: string[]): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const [field, raw] of Object.entries(SETTINGS)) {
    // The table's entries differ in T; each parse result goes to the field of its own entry.
    const s = raw as Setting<unknown>
    const own = nameOf('BARAM', s)
    const found = lookup(env, own) ?? (s.isOwnOnly === true ? undefined : lookup(env, nameOf('AIRFLOW', s)))
    if (found === undefined) {
      values[field] =
        typeof s.fallback === 'function' ? (s.fallback as (env: { home: string }) => unknown)({ home }) : s.fallback
      continue
    }
    try {
      values[field] = s.parse(found)
    } catch (error) {
      faults.push(
        `${own} must be ${error instanceof Error ? error.message : 'valid'}, found ${s.isSecret === true ? '***' : JSON.stringify(found)}`,
      )
    }
  }
  return values
}

/**
 * Reads, checks and freezes all settings.
 * @throws BaramError CONFIG_INVALID naming every fault at once
 */
export function loadConfig(env: Environment = process.env): Config {
  const home = resolve(env['BARAM_HOME'] ?? '.baram')
  const merged: Environment = { ...readFileSettings(join(home, 'baram.cfg')), ...readFileSettings('baram.cfg'), ...env }
  const faults: string[] = []
  const values = readAll(merged, home, faults)
  const known = new Set(Object.values(SETTINGS).flatMap((s) => [nameOf('BARAM', s), `${nameOf('BARAM', s)}_FILE`]))
  for (const name of Object.keys(merged))
    if (/^BARAM__/.test(name) && !known.has(name)) faults.push(`${name} is not a setting of this version`)
  if (values['leaseMs'] !== undefined && Number(values['leaseMs']) < 5 * Number(values['heartbeatMs'])) {
    faults.push('BARAM__SCHEDULER__LEASE_SEC must be at least 5 times BARAM__SCHEDULER__JOB_HEARTBEAT_SEC')
  }
  if (faults.length > 0)
    throw new BaramError('CONFIG_INVALID', `settings that cannot be used:\n  ${faults.join('\n  ')}`)
  const airflowNames = new Set(Object.values(SETTINGS).map((s) => nameOf('AIRFLOW', s)))
  const config = {
    ...values,
    home,
    ignoredAirflow: Object.keys(merged).filter((name) => /^AIRFLOW__/.test(name) && !airflowNames.has(name)),
    variableOverrides: overrides(merged, 'VAR'),
    connectionOverrides: overrides(merged, 'CONN'),
    childEnv: pick(env, CHILD_ENV),
    environment: env,
  }
  // Every field was set from the table above, by its own parser or default.
  return Object.freeze(config) as unknown as Config
}

/** What a client of a server is told by its environment. */
export interface RemoteSettings {
  /** `BARAM_URL` */
  readonly url: string | null
  /** `BARAM_TOKEN` */
  readonly token: string | null
  /** `BARAM_PROFILE` */
  readonly profile: string | null
  /** Of the user's own settings: `$XDG_CONFIG_HOME/baram`, or `~/.config/baram`. */
  readonly folder: string
}

const given = (value: string | undefined): string | null => (value === undefined || value === '' ? null : value)

/** Apart from `loadConfig`: a client has no home, and needs none. */
export function remoteSettings(env: Environment = process.env): RemoteSettings {
  const xdg = given(env['XDG_CONFIG_HOME'])
  return {
    url: given(env['BARAM_URL']),
    token: given(lookup(env, 'BARAM_TOKEN')),
    profile: given(env['BARAM_PROFILE']),
    // The specification: a path that is not absolute is ignored.
    folder: join(xdg !== null && isAbsolute(xdg) ? xdg : join(env['HOME'] ?? homedir(), '.config'), 'baram'),
  }
}
