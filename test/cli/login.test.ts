// Signing in to a server: the token lies where its owner alone can read it, and is shown nowhere.

import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Laptop, makeLaptop, PASSWORD, type RemoteBaram, startRemoteBaram } from './remote-baram.ts'

describe('dagctl login', () => {
  let remote: RemoteBaram
  let laptop: Laptop
  const file = () => join(laptop.config, 'baram', 'profiles.json')
  const tokenOf = (name: string): string =>
    (JSON.parse(readFileSync(file(), 'utf8')) as { profiles: Record<string, { token: string }> }).profiles[name]
      ?.token ?? ''
  const login = (...args: string[]) =>
    laptop.run(['login', '--url', remote.url, '-u', 'admin', ...args], { input: `${PASSWORD}\n` })

  beforeAll(async () => {
    remote = await startRemoteBaram()
  })
  afterAll(() => remote.baram.stop())
  beforeEach(() => {
    laptop = makeLaptop()
  })
  afterEach(() => laptop.remove())

  it('stores the token in a file of mode 0600, in a folder of mode 0700, and says until when it is valid', async () => {
    const answer = await login('--profile', 'prod')
    expect(answer.code, answer.stderr).toBe(0)
    expect(answer.stdout).toMatch(/^Signed in to http:\/\/127\.0\.0\.1:\d+ as admin, until 20\d\d-/)
    expect(statSync(file()).mode & 0o777).toBe(0o600)
    expect(statSync(join(laptop.config, 'baram')).mode & 0o777).toBe(0o700)
    expect(tokenOf('prod')).not.toBe('')
    expect(readFileSync(file(), 'utf8')).not.toContain(PASSWORD)
  })

  it('shows the token nowhere, not in lists, errors or stacks', async () => {
    await login('--profile', 'prod')
    const token = tokenOf('prod')
    for (const args of [
      ['profiles', 'list', '-o', 'json'],
      ['--debug', 'dags', 'show', 'x'],
      ['dags', 'list'],
      ['logout'],
    ]) {
      const { stdout, stderr } = await laptop.run(args)
      expect(stdout + stderr).not.toContain(token)
    }
  })

  it('refuses a wrong password with exit code 4 and stores nothing', async () => {
    const answer = await laptop.run(['login', '--url', remote.url, '-u', 'admin'], { input: 'wrong\n' })
    expect(answer).toMatchObject({ code: 4, stdout: '' })
    expect(answer.stderr).toContain('does not know this user with this password')
    expect((await laptop.run(['profiles', 'list', '-o', 'plain'])).stdout.split('\n')).toHaveLength(3)
  })

  it('asks for a user and a password where there is neither a terminal nor a line', async () => {
    expect(await laptop.run(['login', '--url', remote.url])).toMatchObject({ code: 2 })
    expect(await laptop.run(['login', '--url', remote.url, '-u', 'admin'])).toMatchObject({ code: 2 })
    expect(await laptop.run(['login'])).toMatchObject({ code: 2 })
  })

  it.each(['../x', '', 'local', 'a b', '__proto__', 'x'.repeat(65)])(
    'refuses %j as the name of a profile',
    async (name) => {
      expect((await login(`--profile=${name}`)).code).toBe(2)
    },
  )

  it('profiles are listed, chosen and left again', async () => {
    await login('--profile', 'a')
    await login('--profile', 'b')
    expect((await laptop.run(['dags', 'list'])).code).toBe(0)
    expect((await laptop.run(['profiles', 'use', 'a'])).stdout).toBe(`Commands go to ${remote.url} now.\n`)
    expect((await laptop.run(['profiles', 'list', '-o', 'plain'])).stdout).toContain('true\ta\t')
    expect((await laptop.run(['profiles', 'use', 'local'])).code).toBe(0)
    expect(await laptop.run(['dags', 'list'])).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('no Baram home') as string,
    })
    expect(await laptop.run(['dags', 'list', '--profile', 'b'])).toMatchObject({ code: 0 })
    expect(await laptop.run(['profiles', 'use', 'nothing'])).toMatchObject({ code: 3 })
  })

  it('logout deletes the token here and leaves the other profiles', async () => {
    await login('--profile', 'a')
    await login('--profile', 'b')
    const answer = await laptop.run(['logout'])
    expect(answer.stdout).toBe(`Signed out of ${remote.url}: the token of admin is deleted here.\n`)
    expect(Object.keys((JSON.parse(readFileSync(file(), 'utf8')) as { profiles: object }).profiles)).toEqual(['a'])
    expect(await laptop.run(['logout'])).toMatchObject({ code: 3 })
  })

  it('a file that others may read is refused, and one that is broken', async () => {
    await login('--profile', 'a')
    chmodSync(file(), 0o644)
    expect(await laptop.run(['dags', 'list'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('chmod 600') as string,
    })
    chmodSync(file(), 0o600)
    writeFileSync(file(), '{"current": 1}')
    expect(await laptop.run(['dags', 'list'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('sign in again') as string,
    })
  })

  it('BARAM_URL with BARAM_TOKEN needs no profile, and an option wins over both', async () => {
    await login('--profile', 'a')
    const token = tokenOf('a')
    const other = makeLaptop({ BARAM_URL: remote.url, BARAM_TOKEN: token })
    try {
      expect((await other.run(['dags', 'list'])).code).toBe(0)
      expect(await other.run(['dags', 'list'], { env: { BARAM_TOKEN: 'no-token' } })).toMatchObject({
        code: 4,
        stderr: expect.stringContaining(`sign in: dagctl login --url ${remote.url}`) as string,
      })
      expect((await other.run(['dags', 'list', '--profile', 'local'])).code).toBe(5)
      expect((await other.run(['db', 'check'])).code).toBe(4)
      expect((await other.run(['dags', 'list', '--url', remote.url, '--profile', 'a'])).code).toBe(2)
      expect((await other.run(['check', '.'])).code).not.toBe(4)
    } finally {
      other.remove()
    }
  })

  it('--url finds the token that was stored for the same server', async () => {
    await login('--profile', 'a')
    await laptop.run(['profiles', 'use', 'local'])
    expect((await laptop.run(['dags', 'list', '--url', `${remote.url}/api/v2/`])).code).toBe(0)
  })
})
