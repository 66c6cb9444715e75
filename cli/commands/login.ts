// `dagctl login|logout` and `dagctl profiles list|use`: servers that commands speak to, and the tokens for them.

import type { Command } from 'commander'
import { BaramError } from '../../core/errors.ts'
import { remoteSettings } from '../../runtime/config.ts'
import { RestClient } from '../deployment/remote/client.ts'
import { withOutput } from '../options.ts'
import { print, printRows, readFormat, tell, when } from '../output.ts'
import { checkProfileName, LOCAL, type Profile, type Profiles, readProfiles, writeProfiles } from '../profiles.ts'
import { askSecret, askText, isTerminal, readLine } from '../prompt.ts'
import { readServerUrl } from '../server-url.ts'
import { type TargetOptions, warnOfPlainText } from '../target.ts'

interface LoginFlags {
  readonly username?: string
}

/** A name for a server that was given none: its host, and its port if it has one. */
const nameOf = (url: string): string =>
  new URL(url).host
    .replaceAll(/[^A-Za-z0-9_.-]+/g, '-')
    .replaceAll(/^[^A-Za-z0-9]+|-+$/g, '')
    .slice(0, 64) || 'server'

interface Meant {
  readonly name: string
  readonly url: string
  readonly known: Profile | undefined
}

/** The profile that is signed in to: named, of the address that was given, or the one in use. */
function meant({ current, profiles }: Profiles, options: TargetOptions): Meant {
  const given = options.url ?? (options.profile === undefined ? remoteSettings().url : null)
  if (given !== null) {
    const url = readServerUrl(given, options.url === undefined ? 'BARAM_URL' : '--url')
    const [stored] = [...profiles].find(([, profile]) => profile.url === url) ?? []
    const name = checkProfileName(options.profile ?? stored ?? nameOf(url))
    return { name, url, known: profiles.get(name) }
  }
  const name = options.profile ?? current
  const known = profiles.get(name)
  if (known !== undefined) return { name, url: known.url, known }
  throw new BaramError('INPUT_INVALID', 'name the server to sign in to: dagctl login --url https://baram.example.com')
}

async function readUsername(flags: LoginFlags, known: Profile | undefined): Promise<string> {
  const found = flags.username ?? known?.username
  if (found !== undefined) return found
  if (isTerminal()) return askText('User: ')
  throw new BaramError('INPUT_INVALID', 'name the user: --username ana; standard input is read for the password')
}

async function signIn(url: string, username: string, password: string): Promise<string> {
  try {
    const answer = await new RestClient({ url, token: null }).send(
      'POST',
      '/auth/token/cli',
      {},
      { username, password },
    )
    return answer.text('access_token')
  } catch (error) {
    if (!(error instanceof BaramError) || error.code !== 'SIGN_IN_REQUIRED') throw error
    throw new BaramError(
      'SIGN_IN_REQUIRED',
      `the server ${url} does not know this user with this password; try again`,
      {
        cause: error,
      },
    )
  }
}

/** When a token ends, epoch ms, as it says itself: for people, since only its server can tell. Null = it does not say. */
function endOf(token: string): number | null {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
    const seconds = typeof claims === 'object' && claims !== null && 'exp' in claims ? claims.exp : null
    return typeof seconds === 'number' && Math.abs(seconds) < 1e11 ? seconds * 1000 : null
  } catch {
    return null
  }
}

async function login(flags: LoginFlags, command: Command): Promise<void> {
  const stored = readProfiles()
  const { name, url, known } = meant(stored, command.optsWithGlobals<TargetOptions>())
  warnOfPlainText(url, 'the password and the token travel')
  const username = await readUsername(flags, known?.url === url ? known : undefined)
  const password = isTerminal() ? await askSecret(`Password of ${username} on ${url}: `) : await readLine('password')
  const token = await signIn(url, username, password)
  writeProfiles({ current: name, profiles: new Map([...stored.profiles, [name, { url, username, token }]]) })
  const end = endOf(token)
  print(`Signed in to ${url} as ${username}${end === null ? '' : `, until ${when(end)}`}.`)
  tell(`Commands go there now (profile ${name}). To this machine again: dagctl profiles use ${LOCAL}`)
}

/** A sign-out waits for nobody long, ms. */
const LOGOUT_MS = 5_000

/** Asks the server to end the token, and whether it has. */
async function endToken({ url, token }: Profile): Promise<boolean> {
  const client = new RestClient({ url, token, timeLimitMs: LOGOUT_MS })
  // It answers by leading to a page, which says nothing about the token.
  await client.get('/api/v2/auth/logout').catch(() => undefined)
  try {
    await client.get('/api/v2/dags', { limit: 1 })
    return false
  } catch (error) {
    return error instanceof BaramError && error.code === 'SIGN_IN_REQUIRED'
  }
}

async function logout(_flags: unknown, command: Command): Promise<void> {
  const stored = readProfiles()
  const name = command.optsWithGlobals<TargetOptions>().profile ?? stored.current
  const profile = stored.profiles.get(name)
  if (profile === undefined)
    throw new BaramError(
      'NOT_FOUND',
      name === LOCAL ? 'nobody is signed in: no profile is in use' : `there is no profile ${name}`,
    )
  const profiles = new Map(stored.profiles)
  profiles.delete(name)
  writeProfiles({ current: stored.current === name ? LOCAL : stored.current, profiles })
  const isEnded = await endToken(profile)
  print(`Signed out of ${profile.url}: the token of ${profile.username} is deleted here.`)
  if (!isEnded) tell('The server was not told, or keeps it: whoever has a copy can use it until it expires.')
}

function printProfiles(flags: { output: string }): void {
  const { current, profiles } = readProfiles()
  const here = { in_use: current === LOCAL, profile: LOCAL, url: '', username: '', valid_until: '' }
  const rows = [...profiles].map(([name, { url, username, token }]) => ({
    in_use: name === current,
    profile: name,
    url,
    username,
    valid_until: when(endOf(token)),
  }))
  printRows([here, ...rows], readFormat(flags.output))
}

function use(name: string): void {
  const { profiles } = readProfiles()
  if (name !== LOCAL && !profiles.has(name))
    throw new BaramError(
      'NOT_FOUND',
      `there is no profile ${name}; there are ${[LOCAL, ...profiles.keys()].join(', ')}`,
    )
  writeProfiles({ current: name, profiles })
  print(`Commands go to ${name === LOCAL ? 'this machine' : profiles.get(name)?.url} now.`)
}

export function addLoginCommands(program: Command): void {
  program
    .command('login')
    .description('sign in to a server (--url, --profile); the password is asked for, or read from standard input')
    .option('-u, --username <name>', 'asked for if omitted')
    .action(login)
  program.command('logout').description('delete the token of the profile in use, or of --profile').action(logout)
  const profiles = program.command('profiles').description('servers that commands can speak to')
  withOutput(profiles.command('list').description('all of them, and which one is in use')).action(printProfiles)
  profiles
    .command('use')
    .argument('<name>', 'a profile, or `local` for this machine')
    .description('where commands go from now on')
    .action(use)
}
