// What a child says is checked before it is believed: it runs users' code.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readFromChild } from '../../core/protocol.ts'

const GOOD = {
  hello: { type: 'hello', pid: 12 },
  parsed: { type: 'parsed', id: 1, result: { dags: [], errors: [], notices: [], doubts: [] }, hasStarted: false },
  success: {
    type: 'outcome',
    attempt: 1,
    result: { kind: 'success', value: { a: 1 } },
    isTainted: false,
    hasStarted: false,
    rssBytes: 1,
  },
  skip: {
    type: 'outcome',
    attempt: 1,
    result: { kind: 'skip', message: null },
    isTainted: false,
    hasStarted: false,
    rssBytes: 1,
  },
  failure: {
    type: 'outcome',
    attempt: 1,
    result: { kind: 'failure', message: 'no', isRetryable: true },
    isTainted: true,
    hasStarted: true,
    rssBytes: 1,
  },
  call: { type: 'call', call: 1, attempt: 1, op: 'getVariable', args: { key: 'a' } },
} as const

const refuse = (message: unknown) =>
  expect(() => readFromChild(message), JSON.stringify(message)).toThrow(expect.objectContaining({ code: 'PROTOCOL' }))

describe('a child’s message', () => {
  test.each(Object.entries(GOOD))('%s is taken as it is', (_name, message) => {
    expect(readFromChild(message)).toBe(message)
  })

  test.each([null, undefined, 1, 'hello', [], [GOOD.hello], {}, { type: 'bye' }, { type: 5 }, { type: '__proto__' }])(
    'junk is refused: %j',
    refuse,
  )

  test('each field that the supervisor acts on must be there, of its type', () => {
    const broken: Record<string, readonly object[]> = {
      hello: [{ pid: '12' }, { pid: undefined }],
      parsed: [
        { id: '1' },
        { result: null },
        { result: { errors: [], notices: [], doubts: [] } },
        { result: { dags: {}, errors: [], notices: [], doubts: [] } },
        { result: { dags: [1], errors: [], notices: [], doubts: [] } },
        { result: { dags: [], errors: 'no', notices: [], doubts: [] } },
        { result: { dags: [], errors: [{ message: 5 }], notices: [], doubts: [] } },
        { result: { dags: [], errors: [], notices: [5], doubts: [] } },
      ],
      success: [
        { attempt: '1' },
        { result: null },
        { result: { kind: 'great' } },
        { result: 'success' },
        { isTainted: 'no' },
        { rssBytes: '1' },
        { hasStarted: undefined },
      ],
      skip: [{ result: { kind: 'skip', message: 5 } }],
      failure: [
        { result: { kind: 'failure' } },
        { result: { kind: 'failure', message: 'no' } },
        { result: { kind: 'failure', message: {}, isRetryable: true } },
      ],
      call: [
        { call: '1' },
        { attempt: undefined },
        { op: 'dropTable' },
        { op: 'toString' },
        { args: null },
        { args: [] },
      ],
    }
    for (const [name, changes] of Object.entries(broken))
      for (const change of changes) refuse({ ...GOOD[name as keyof typeof GOOD], ...change })
  })

  test('nothing at random gets through unless it is one of the messages', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        try {
          readFromChild(value)
        } catch (error) {
          expect(error).toMatchObject({ code: 'PROTOCOL' })
          return
        }
        expect(['hello', 'parsed', 'outcome', 'call']).toContain((value as { type?: unknown }).type)
      }),
    )
  })
})
