// What passes core/storable.ts is what Postgres and JSON take: 100,000 values of each kind that enters from a task, a DAG
// file, REST or CLI, stored and read back. `BARAM_TEST_STORABLE` sets another number, `BARAM_TEST_SEED` another order.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { boundResult } from '../../core/bound-result.ts'
import { checkJson, type JsonValue } from '../../core/json.ts'
import {
  capDelay,
  cutText,
  idFault,
  isInt4,
  isStorableInstant,
  repairText,
  storableFault,
  storableJson,
} from '../../core/storable.ts'
import { type Database, openDatabase } from '../../store/database.ts'
import { timestampOf } from '../../store/timestamp.ts'
import { quietLog } from '../support/engine.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'

const COUNT = Number(process.env['BARAM_TEST_STORABLE'] ?? 100_000)
const SEED = Number(process.env['BARAM_TEST_SEED'] ?? 20_261_129)
/** Values of one statement. */
const CHUNK = 10_000

/** Mulberry32: the same values on every host. */
function chance(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

const PIECES = [
  '\u0000',
  '\ud800',
  '\udfff',
  '\ud83d\ude00',
  '\\u0000',
  '\\',
  '"',
  "'",
  '가',
  'é',
  'a',
  '\u0001baram-end 1',
  '\r\n',
  '\u2028',
  '{{',
  '..',
  '.',
  '/',
  '%00',
  '\uffff',
  '𝄞',
]
const EDGES = [
  0,
  -0,
  1,
  -1,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31),
  -(2 ** 31) - 1,
  2 ** 53,
  -(2 ** 53),
  1e300,
  -1e300,
  Number.NaN,
  Infinity,
  -Infinity,
  0.1,
  253_402_300_799_999,
  253_402_300_800_000,
  -62_135_596_800_000,
  -62_135_596_800_001,
  8.64e15,
]

class Values {
  private readonly next: () => number
  constructor(seed: number) {
    this.next = chance(seed)
  }
  upTo(most: number): number {
    return Math.floor(this.next() * (most + 1))
  }
  text(most = 6): string {
    let text = ''
    for (let left = this.upTo(most); left > 0; left--)
      text += this.next() < 0.7 ? (PIECES[this.upTo(PIECES.length - 1)] ?? '') : String.fromCharCode(this.upTo(0xffff))
    return this.next() < 0.01 ? text.padEnd(300, 'x') : text
  }
  number(): number {
    if (this.next() < 0.5) return EDGES[this.upTo(EDGES.length - 1)] ?? 0
    return (this.next() - 0.5) * 10 ** this.upTo(20)
  }
  json(depth = 3): unknown {
    const kind = this.upTo(depth > 0 ? 6 : 4)
    if (kind === 0) return null
    if (kind === 1) return this.next() < 0.5
    if (kind === 2) return this.number()
    if (kind <= 4) return this.text()
    if (kind === 5) return Array.from({ length: this.upTo(3) }, () => this.json(depth - 1))
    return Object.fromEntries(Array.from({ length: this.upTo(3) }, () => [this.text(), this.json(depth - 1)]))
  }
}

let postgres: TestPostgres
let database: Database
beforeAll(async () => {
  postgres = await startTestPostgres()
  const url = await postgres.createDatabase()
  database = openDatabase({ url, poolSize: 1, log: quietLog, application: 'storable' })
})
afterAll(async () => {
  await database.close()
  await postgres.stop()
})

/** Makes values, keeps what the door lets through, stores it and reads it back. Returns how many were let through. */
async function store<T>(type: string, make: (values: Values) => T | null): Promise<number> {
  const values = new Values(SEED)
  let stored = 0
  for (let done = 0; done < COUNT; done += CHUNK) {
    const chunk = Array.from({ length: Math.min(CHUNK, COUNT - done) }, () => make(values)).filter(
      (one) => one !== null,
    )
    stored += chunk.length
    const { rows } = await database.query<{ n: number }>(
      `with kept as (select v, n from unnest($1::${type}[]) with ordinality as x(v, n)) select count(v)::int as n from kept`,
      [chunk],
    )
    expect(rows[0]?.n, `seed ${SEED}`).toBe(chunk.length)
  }
  return stored
}

describe(`of ${COUNT} values of each kind, what the door lets through is stored:`, () => {
  test('free text, repaired and cut', async () => {
    expect(await store('text', (v) => cutText(repairText(v.text()), 1 + v.upTo(5)))).toBe(COUNT)
  })

  test('reasons, details and other JSON for people, repaired', async () => {
    expect(await store('jsonb', (v) => storableJson(v.json()))).toBe(COUNT)
  })

  test('values of tasks and confs, or refused', async () => {
    const stored = await store('jsonb', (v) => {
      const value = v.json()
      try {
        return JSON.stringify(checkJson(value) satisfies JsonValue)
      } catch {
        return null
      }
    })
    expect(stored).toBeGreaterThan(COUNT / 10)
  })

  test('ids of runs, variables, connections, pools and XCom keys, or refused', async () => {
    const stored = await store('varchar(250)', (v) => {
      const id = v.text()
      return idFault(id, 'an id') === null ? id : null
    })
    expect(stored).toBeGreaterThan(COUNT / 10)
  })

  test('whole numbers of options, or refused', async () => {
    const stored = await store('int', (v) => {
      const number = v.number()
      return isInt4(number) ? number : null
    })
    expect(stored).toBeGreaterThan(COUNT / 10)
  })

  test('instants, or refused; delays from now, cut', async () => {
    const now = Date.now()
    const stored = await store('timestamptz', (v) => {
      const number = v.number()
      return isStorableInstant(number) ? timestampOf(v.upTo(1) === 0 ? number : now + capDelay(number)) : null
    })
    expect(stored).toBeGreaterThan(COUNT / 10)
  })

  test('what results of attempts say', async () => {
    const stored = await store('jsonb', (v) => {
      const retryAfterMs = Math.abs(v.number()) || 0
      const { result } = boundResult({ kind: 'failure', message: v.text(), isRetryable: true, retryAfterMs })
      return result.kind === 'failure' && storableFault(result.message) === null ? JSON.stringify(result) : null
    })
    expect(stored).toBe(COUNT)
  })
})
