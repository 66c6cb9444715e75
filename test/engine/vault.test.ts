// Variables and Connections: sealed at rest, opened for whoever may, never lost to a masked write-back.

import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { setConnection } from '../../engine/admin/connections.ts'
import { maskExtra } from '../../engine/admin/masked-json.ts'
import { deleteVariable, setVariable } from '../../engine/admin/variables.ts'
import { Vault } from '../../engine/admin/vault.ts'
import { secretBox } from '../../runtime/secrets.ts'
import type { TestEngine } from '../support/engine.ts'
import { useEngines } from '../support/use-engine.ts'

const me = { name: 'me', via: 'cli' } as const

const makeEngine = useEngines()

const vaultOf = (
  engine: TestEngine,
  options: { key?: Buffer; variables?: Record<string, string>; connections?: Record<string, string> } = {},
) =>
  new Vault({
    database: engine.database,
    box: secretBox(options.key ?? KEY),
    variableOverrides: new Map(Object.entries(options.variables ?? {})),
    connectionOverrides: new Map(Object.entries(options.connections ?? {})),
    sensitiveNames: ['geheim'],
  })
const KEY = randomBytes(32)
const on = ({ database }: TestEngine, vault: Vault) => ({ database, vault })

const makeConnection = (changes: object = {}) => ({
  connId: 'lake',
  connType: 'hdfs',
  description: null,
  host: 'namenode',
  schema: null,
  login: 'baram',
  password: 'correct horse battery',
  port: 8020,
  extra: JSON.stringify({ region: 'kr', api_key: 'canary-in-extra', deep: { token: 'canary-in-deep', n: 1 } }),
  ...changes,
})

/** Everything the database holds, as text. */
const dump = async (engine: TestEngine): Promise<string> =>
  JSON.stringify([
    await engine.query('select to_jsonb(v) as row from variable v'),
    await engine.query('select to_jsonb(c) as row from connection c'),
    await engine.query('select to_jsonb(l) as row from log l'),
  ])

describe('at rest', () => {
  test('no value stands in the database in plain, base64 or hex: neither in its row nor in the audit log', async () => {
    const engine = await makeEngine()
    const vault = vaultOf(engine)
    await setVariable(on(engine, vault), { key: 'db_password', value: 'canary-in-variable', description: 'a note' }, me)
    await setVariable(on(engine, vault), { key: 'plain', value: 'canary-in-plain', description: null }, me)
    await setConnection(on(engine, vault), makeConnection({ password: 'canary-in-password' }), me)
    const text = await dump(engine)
    for (const canary of [
      'canary-in-variable',
      'canary-in-plain',
      'canary-in-password',
      'canary-in-extra',
      'canary-in-deep',
    ])
      for (const form of ['utf8', 'base64', 'base64url', 'hex'] as const)
        expect(text, `${canary} as ${form}`).not.toContain(Buffer.from(canary).toString(form).replace(/=+$/, ''))
    expect((await vault.findVariable('plain'))?.value).toBe('canary-in-plain')
    expect((await vault.findConnection('lake'))?.password).toBe('canary-in-password')
  })

  test('the same value is sealed differently each time', async () => {
    const engine = await makeEngine()
    const vault = vaultOf(engine)
    await setVariable(on(engine, vault), { key: 'a', value: 'same', description: null }, me)
    await setVariable(on(engine, vault), { key: 'b', value: 'same', description: null }, me)
    const rows = await engine.query<{ val: string }>('select val from variable')
    expect(new Set(rows.map((row) => row.val)).size).toBe(2)
  })

  test('an envelope moved to another row or field does not open', async () => {
    const engine = await makeEngine()
    const vault = vaultOf(engine)
    await setVariable(on(engine, vault), { key: 'a', value: 'one', description: null }, me)
    await setVariable(on(engine, vault), { key: 'b', value: 'two', description: null }, me)
    await engine.query("update variable set val = (select val from variable where key = 'a') where key = 'b'")
    expect(await vault.getVariable('a')).toBe('one')
    await expect(vault.getVariable('b')).rejects.toMatchObject({ code: 'SECRET_CORRUPT' })
    await setConnection(on(engine, vault), makeConnection(), me)
    await engine.query('update connection set extra = password')
    await expect(vault.getConnection('lake')).rejects.toMatchObject({ code: 'SECRET_CORRUPT' })
  })

  test('a flipped bit anywhere in an envelope is found', async () => {
    const box = secretBox(KEY)
    const sealed = box.seal('secret value', 'variable|a|val')
    fc.assert(
      fc.property(fc.nat(sealed.length - 1), fc.integer({ min: 0, max: 5 }), (at, bit) => {
        const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
        const index = letters.indexOf(sealed[at] ?? '')
        fc.pre(index >= 0)
        const flipped = sealed.slice(0, at) + (letters[index ^ (1 << bit)] ?? '') + sealed.slice(at + 1)
        const same = (text: string) =>
          text
            .split('.')
            .map((part, i) => (i < 2 ? part : Buffer.from(part, 'base64url').toString('hex')))
            .join('.')
        // The last letters of a base64 text carry bits that no byte has.
        fc.pre(same(flipped) !== same(sealed))
        expect(() => box.open(flipped, 'variable|a|val')).toThrow(expect.objectContaining({ name: 'BaramError' }))
      }),
    )
    expect(box.open(sealed, 'variable|a|val')).toBe('secret value')
  })

  test('another key is refused by name, and never gives garbage', async () => {
    const engine = await makeEngine()
    await setVariable(on(engine, vaultOf(engine)), { key: 'a', value: 'one', description: null }, me)
    await expect(vaultOf(engine, { key: randomBytes(32) }).getVariable('a')).rejects.toMatchObject({
      code: 'SECRET_KEY',
    })
    expect(() => secretBox(Buffer.alloc(16))).toThrow(expect.objectContaining({ code: 'SECRET_KEY' }))
  })
})

describe('a masked write-back', () => {
  test('of a sensitive variable keeps what is stored; of a plain one it is a value like any other', async () => {
    const engine = await makeEngine()
    const vault = vaultOf(engine)
    for (const key of ['api_key', 'mein_GEHEIMnis', 'plain'])
      await setVariable(on(engine, vault), { key, value: 'old', description: null }, me)
    for (const key of ['api_key', 'mein_GEHEIMnis', 'plain'])
      await setVariable(on(engine, vault), { key, value: '***', description: 'new note' }, me)
    expect(await vault.findVariable('api_key')).toMatchObject({
      value: 'old',
      description: 'new note',
      isSensitive: true,
    })
    expect((await vault.findVariable('mein_GEHEIMnis'))?.value).toBe('old')
    expect((await vault.findVariable('plain'))?.value).toBe('***')
  })

  test('of a connection as the page shows it changes nothing, however deep its secrets stand', async () => {
    const engine = await makeEngine()
    const vault = vaultOf(engine)
    const extra = {
      region: 'kr',
      api_key: 'one',
      deep: { token: 'two', list: [{ password: 'three', user: 'x' }, { password: 'four' }] },
    }
    await setConnection(on(engine, vault), makeConnection({ extra: JSON.stringify(extra) }), me)
    const stored = await vault.findConnection('lake')
    const shown = maskExtra(stored?.extra ?? null)
    for (const secret of ['one', 'two', 'three', 'four']) expect(shown).not.toContain(`"${secret}"`)
    await setConnection(on(engine, vault), makeConnection({ password: '***', extra: shown }), me)
    const after = await vault.findConnection('lake')
    expect(after?.password).toBe('correct horse battery')
    expect(JSON.parse(after?.extra ?? '')).toEqual(extra)
  })

  test('of a JSON variable as it is shown changes nothing; a mask under another name is a value', async () => {
    const engine = await makeEngine()
    const vault = vaultOf(engine)
    const value = '{"user": "***", "password": "one", "mein_GEHEIMnis": {"a": 1}, "list": [{"token": "two"}]}'
    await setVariable(on(engine, vault), { key: 'service', value, description: null }, me)
    const stored = await vault.findVariable('service')
    const shown = stored === null ? '' : vault.shownValue(stored)
    expect(JSON.parse(shown)).toEqual({
      ...{ user: '***', password: '***', mein_GEHEIMnis: '***', list: [{ token: '***' }] },
    })
    await setVariable(on(engine, vault), { key: 'service', value: shown, description: null }, me)
    expect(JSON.parse((await vault.findVariable('service'))?.value ?? '')).toEqual(JSON.parse(value))
    await setVariable(on(engine, vault), { key: 'plain', value: '{"a": [1, 2]}', description: null }, me)
    const plain = await vault.findVariable('plain')
    expect(plain === null ? '' : vault.shownValue(plain), 'without secrets it is as it was').toBe('{"a": [1, 2]}')
  })

  test('changes what was changed and keeps the rest', async () => {
    const engine = await makeEngine()
    const vault = vaultOf(engine)
    await setConnection(on(engine, vault), makeConnection({ extra: '{"api_key":"old","region":"kr"}' }), me)
    await setConnection(
      on(engine, vault),
      makeConnection({ extra: '{"api_key":"***","region":"de","token":"fresh"}' }),
      me,
    )
    expect(JSON.parse((await vault.findConnection('lake'))?.extra ?? '')).toEqual({
      api_key: 'old',
      region: 'de',
      token: 'fresh',
    })
    await setConnection(on(engine, vault), makeConnection({ extra: 'no JSON' }), me)
    expect(maskExtra('no JSON')).toBe('***')
    await setConnection(on(engine, vault), makeConnection({ extra: '***' }), me)
    expect((await vault.findConnection('lake'))?.extra).toBe('no JSON')
  })
})

describe('the environment', () => {
  test('wins over the database for what a task sees, and is never written to it', async () => {
    const engine = await makeEngine()
    const vault = vaultOf(engine, { variables: { REGION: 'env' }, connections: { LAKE: 'hdfs://user:pw@other:1/x' } })
    await setVariable(on(engine, vault), { key: 'region', value: 'stored', description: null }, me)
    await setConnection(on(engine, vault), makeConnection(), me)
    expect(await vault.getVariable('region')).toBe('env')
    expect(await vault.getVariable('Region')).toBe('env')
    expect((await vault.findVariable('region'))?.value).toBe('stored')
    expect(await vault.getConnection('lake')).toMatchObject({ host: 'other', login: 'user', password: 'pw', port: 1 })
    expect((await vault.findConnection('lake'))?.host).toBe('namenode')
    expect(vault.isVariableOverridden('region')).toBe(true)
    expect(vault.isConnectionOverridden('other')).toBe(false)
    expect(await vault.getVariable('missing')).toBeNull()
    expect(await vault.getConnection('missing')).toBeNull()
  })
})

describe('writing', () => {
  test('to a key that exists fails, skips or overwrites, as asked, with one audit row a write', async () => {
    const engine = await makeEngine()
    const vault = vaultOf(engine)
    await setVariable(on(engine, vault), { key: 'a', value: '1', description: null, existing: 'fail' }, me)
    await expect(
      setVariable(on(engine, vault), { key: 'a', value: '2', description: null, existing: 'fail' }, me),
    ).rejects.toMatchObject({
      code: 'CONFLICT',
    })
    expect(
      await setVariable(on(engine, vault), { key: 'a', value: '2', description: null, existing: 'skip' }, me),
    ).toBe(false)
    expect(await vault.getVariable('a')).toBe('1')
    expect(await setVariable(on(engine, vault), { key: 'a', value: '2', description: null }, me)).toBe(true)
    expect(await vault.getVariable('a')).toBe('2')
    await deleteVariable(engine, { key: 'a' }, me)
    await expect(deleteVariable(engine, { key: 'a' }, me)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await deleteVariable(engine, { key: 'a', mayBeMissing: true }, me)
    expect(await engine.query('select event from log order by id')).toEqual([
      { event: 'variable.set' },
      { event: 'variable.set' },
      { event: 'variable.delete' },
    ])
  })

  test('is in the audit log also when a task does it: no ledger tells of Variables', async () => {
    const engine = await makeEngine()
    const task = { name: 'task etl.load', via: 'operator' } as const
    await setVariable(engine, { key: 'a', value: '1', description: null }, task)
    expect(await engine.query("select event, owner, extra::jsonb ->> 'via' as via from log")).toEqual([
      { event: 'variable.set', owner: 'task etl.load', via: 'operator' },
    ])
  })

  test.each(['', 'x'.repeat(251), 'a\u0000b', 'a\ud800b'])('a key %j is refused', async (key) => {
    const engine = await makeEngine()
    const vault = vaultOf(engine)
    await expect(setVariable(on(engine, vault), { key, value: 'v', description: null }, me)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    })
    await expect(setConnection(on(engine, vault), makeConnection({ connId: key }), me)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    })
  })

  test('text that Postgres cannot store is refused before it gets there', async () => {
    const engine = await makeEngine()
    const vault = vaultOf(engine)
    for (const text of ['a\u0000', '\udfff'])
      for (const field of ['host', 'password', 'extra', 'description'])
        await expect(
          setConnection(on(engine, vault), makeConnection({ [field]: text }), me),
          field,
        ).rejects.toMatchObject({
          code: 'INPUT_INVALID',
        })
    await expect(
      setVariable(on(engine, vault), { key: 'k', value: 'a\u0000', description: null }, me),
    ).rejects.toMatchObject({ code: 'INPUT_INVALID' })
  })
})
