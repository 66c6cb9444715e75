// Servers that somebody has signed in to, each under a name, with its token: a file in the folder of the user's settings,
// readable by its owner alone.

import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { BaramError, messageOf } from '../core/errors.ts'
import { remoteSettings } from '../runtime/config.ts'

/** Stands for this machine's deployment wherever a profile is named. */
export const LOCAL = 'local'

export interface Profile {
  readonly url: string
  readonly username: string
  readonly token: string
}

export interface Profiles {
  /** The one in use, or `local`. */
  readonly current: string
  readonly profiles: ReadonlyMap<string, Profile>
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/

/** @throws BaramError INPUT_INVALID */
export function checkProfileName(name: string): string {
  if (NAME.test(name) && name !== LOCAL) return name
  throw new BaramError(
    'INPUT_INVALID',
    `the name of a profile must be 1 to 64 letters, digits, _ . or -, and not ${LOCAL}, which is this machine; found ${JSON.stringify(name.slice(0, 80))}`,
  )
}

const fileOf = (): string => join(remoteSettings().folder, 'profiles.json')

function parse(text: string, file: string): Profiles {
  const broken = (cause?: unknown) =>
    new BaramError(
      'CONFIG_INVALID',
      `${file} must be what dagctl login writes, and is not; delete it and sign in again`,
      cause === undefined ? {} : { cause },
    )
  let all: unknown
  try {
    all = JSON.parse(text)
  } catch (cause) {
    throw broken(cause)
  }
  if (typeof all !== 'object' || all === null || !('current' in all) || !('profiles' in all)) throw broken()
  const { current, profiles } = all
  if (typeof current !== 'string' || typeof profiles !== 'object' || profiles === null) throw broken()
  const found = new Map<string, Profile>()
  for (const [name, profile] of Object.entries(profiles as Record<string, unknown>)) {
    if (!isProfile(profile)) throw broken()
    found.set(name, profile)
  }
  return { current: found.has(current) ? current : LOCAL, profiles: found }
}

const isProfile = (value: unknown): value is Profile =>
  typeof value === 'object' &&
  value !== null &&
  'url' in value &&
  'username' in value &&
  'token' in value &&
  [value.url, value.username, value.token].every((part) => typeof part === 'string')

const GROUP_AND_OTHERS = 0o077

/** @throws BaramError SECRET_KEY when others may read it, CONFIG_INVALID when it is broken */
export function readProfiles(): Profiles {
  const file = fileOf()
  let text: string
  try {
    if ((statSync(file).mode & GROUP_AND_OTHERS) !== 0)
      throw new BaramError(
        'SECRET_KEY',
        `${file} holds tokens and must be readable by you alone, and others may read it; close it: chmod 600 ${file}`,
      )
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    if (cause instanceof BaramError) throw cause
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')
      return { current: LOCAL, profiles: new Map() }
    throw new BaramError('CONFIG_INVALID', `${file} cannot be read: ${messageOf(cause)}`, { cause })
  }
  return parse(text, file)
}

/** Replaces the file whole: nobody ever reads half of it. */
export function writeProfiles({ current, profiles }: Profiles): void {
  const file = fileOf()
  const text = `${JSON.stringify({ current, profiles: Object.fromEntries(profiles) }, null, 2)}\n`
  const temporary = `${file}.${process.pid}`
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    // A file that somebody else has put there would keep its mode.
    rmSync(temporary, { force: true })
    writeFileSync(temporary, text, { mode: 0o600, flag: 'wx' })
    chmodSync(temporary, 0o600)
    renameSync(temporary, file)
  } catch (cause) {
    rmSync(temporary, { force: true })
    throw new BaramError('CONFIG_INVALID', `${file} cannot be written: ${messageOf(cause)}`, { cause })
  }
}
