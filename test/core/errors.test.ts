// Errors say what they are about, for programs and for people.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { alreadyExists, BaramError, conflict, ERRORS, messageOf, notFound } from '../../core/errors.ts'

test('what is missing is named by its kind and id, in the message and in the details', () => {
  const error = notFound('dag_run', { dagId: 'etl', runId: 'r1' })
  expect(error.message).toBe('DAG etl has no run r1')
  expect(error.details).toEqual({ kind: 'dag_run', id: { dagId: 'etl', runId: 'r1' }, problem: 'missing' })
})

test('who knows what to do about what is missing says it after the sentence', () => {
  expect(notFound('dag', 'elt', 'did you mean etl?').message).toBe('there is no DAG elt; did you mean etl?')
})

test('what is there already is a conflict with it', () => {
  const error = alreadyExists('variable', 'key')
  expect([error.code, error.message]).toEqual(['CONFLICT', 'variable key already exists'])
  expect(error.details).toEqual({ kind: 'variable', id: 'key', problem: 'exists' })
})

test('a conflict has the words of whoever met it, and facts beside them', () => {
  const error = conflict('dag_run', { dagId: 'etl', runId: 'r1' }, 'running', 'run r1 of etl is running', {
    state: 'running',
  })
  expect(error).toBeInstanceOf(BaramError)
  expect(error.details).toMatchObject({ problem: 'running', state: 'running' })
})

test('an error that is the client’s has a class other than failed, except a conflict', () => {
  const clients = Object.entries(ERRORS).filter(([, { status }]) => status < 500)
  expect(clients.map(([code, facts]) => [code, facts.status, facts.class])).toEqual([
    ['PARAMS_INVALID', 400, 'usage'],
    ['SIGN_IN_REQUIRED', 401, 'refused'],
    ['FORBIDDEN', 403, 'refused'],
    ['LOCAL_ONLY', 400, 'refused'],
    ['NOT_FOUND', 404, 'notFound'],
    ['CONFLICT', 409, 'failed'],
    ['REFUSED', 400, 'refused'],
    ['INPUT_INVALID', 400, 'usage'],
  ])
})

/** What users' code may throw and no `String()` can show. */
const unshowable: readonly (readonly [string, unknown])[] = [
  ['an object without a prototype', Object.create(null)],
  ['an object whose toString throws', { toString: () => undefinedCall() }],
  [
    'an error whose message is an object without a prototype',
    Object.assign(new Error('x'), { message: Object.create(null) as object }),
  ],
  ['an error whose message throws', Object.defineProperty(new Error('x'), 'message', { get: undefinedCall })],
  ['a revoked proxy', revoked()],
]

function undefinedCall(): never {
  throw new Error('not to be asked')
}

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

test.each(unshowable)('%s that is thrown has a message all the same', (_what, thrown) => {
  expect(messageOf(thrown)).toMatch(/^an? \w+ was thrown that cannot be shown as text$/)
})

test('anything thrown has a message, which is a text', () => {
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true, withSparseArray: true }), (thrown) => {
      expect(typeof messageOf(thrown)).toBe('string')
    }),
  )
})
