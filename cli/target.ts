// Whom commands speak to: this machine's deployment, or a server that was named by an option, the environment or a profile.

import { BaramError } from '../core/errors.ts'
import { type RemoteSettings, remoteSettings } from '../runtime/config.ts'
import { tell } from './output.ts'
import { LOCAL, type Profile, readProfiles } from './profiles.ts'
import { isLoopback, readServerUrl } from './server-url.ts'
import { style } from './style.ts'

export interface TargetOptions {
  readonly url?: string
  readonly token?: string
  readonly profile?: string
}

export interface Target {
  /** Without a slash at its end. */
  readonly url: string
  /** Null = none is known: `/auth/token` alone may be called. */
  readonly token: string | null
  /** What named it, for sentences: `--url`, `BARAM_URL`, `--profile prod`. */
  readonly by: string
}

function requireProfile(name: string): Profile {
  const { profiles } = readProfiles()
  const found = profiles.get(name)
  if (found !== undefined) return found
  const known = [LOCAL, ...profiles.keys()].join(', ')
  throw new BaramError('NOT_FOUND', `there is no profile ${name}; there are ${known}. Make one: dagctl login --url …`)
}

function ofProfile(name: string, token: string | undefined, by: string): Target | null {
  if (name === LOCAL) return null
  const profile = requireProfile(name)
  return { url: profile.url, token: token ?? profile.token, by }
}

/** A token that was stored for the same server. */
const storedToken = (url: string): string | null =>
  [...readProfiles().profiles.values()].find((profile) => profile.url === url)?.token ?? null

function ofUrl(text: string, token: string | undefined, by: string): Target {
  const url = readServerUrl(text, by)
  return { url, token: token ?? storedToken(url), by }
}

/** The environment's token is for the environment's server: another one is not told it. */
function environmentToken(settings: RemoteSettings, url: string): string | undefined {
  if (settings.token === null) return undefined
  const isItsServer = settings.url === null || readServerUrl(settings.url, 'BARAM_URL') === url
  return isItsServer ? settings.token : undefined
}

/**
 * The first that is named of: `--url`, `--profile`, BARAM_URL, BARAM_PROFILE, the profile in use. Null = this machine.
 * @throws BaramError INPUT_INVALID | NOT_FOUND
 */
export function findTarget(options: TargetOptions, settings: RemoteSettings = remoteSettings()): Target | null {
  const { url, token, profile } = options
  if (url !== undefined && profile !== undefined)
    throw new BaramError('INPUT_INVALID', 'give either --url or --profile, not both: a profile has a URL of its own')
  if (url !== undefined) return ofUrl(url, token ?? environmentToken(settings, readServerUrl(url, '--url')), '--url')
  if (profile !== undefined) return ofProfile(profile, token, `--profile ${profile}`)
  if (settings.url !== null) return ofUrl(settings.url, token ?? settings.token ?? undefined, 'BARAM_URL')
  if (settings.profile !== null) return ofProfile(settings.profile, token, `BARAM_PROFILE=${settings.profile}`)
  const { current } = readProfiles()
  const found = ofProfile(current, token, `the profile in use (${current})`)
  if (found === null && token !== undefined)
    throw new BaramError('INPUT_INVALID', '--token is for a server, and none is named: add --url or --profile')
  return found
}

let chosen: Target | null = null

/** Set once, before a command acts. */
export function setTarget(target: Target | null): void {
  chosen = target
}

/** The server that commands speak to; null = this machine's deployment. */
export const target = (): Target | null => chosen

/** What stands on the way to a server without TLS can read the token. */
export function warnOfPlainText(url: string, what: string): void {
  if (url.startsWith('http://') && !isLoopback(url))
    tell(style.yellow(`Warning: ${what} to ${url} in plain text, for all on the way to read. Use https://.`))
}

/**
 * That a server has no operation for it.
 * @param what was asked
 * @param todo an instruction
 */
export function localOnly(
  what: string,
  { url, by }: Target,
  todo = 'run it on the machine of the deployment',
): BaramError {
  return new BaramError(
    'LOCAL_ONLY',
    `${what} is not among the operations of a server, and ${by} names ${url}; ${todo}`,
  )
}
