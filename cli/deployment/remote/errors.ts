// What can go wrong between a command and its server, each in a sentence: expected, found, what to do.

import { BaramError, type ErrorCode, messageOf } from '../../../core/errors.ts'

export interface Asked {
  readonly method: string
  readonly path: string
  readonly server: string
  readonly hasToken: boolean
}

/** The causes below `fetch failed`, the deepest last. */
function codesOf(error: unknown): readonly string[] {
  const codes: string[] = []
  for (let at = error, depth = 0; at instanceof Error && depth < 6; at = at.cause, depth++) {
    if ('code' in at && typeof at.code === 'string') codes.push(at.code)
    // Both addresses of a name were tried.
    if (at instanceof AggregateError) codes.push(...at.errors.flatMap(codesOf))
  }
  return codes
}

function deepest(error: unknown): string {
  let at = error
  while (at instanceof Error && at.cause instanceof Error) at = at.cause
  return messageOf(at)
}

const OWN_CA = 'name its authority in a file: NODE_EXTRA_CA_CERTS=ca.pem'
/** By code of Node: what was found, and what to do. */
const FAULTS: Readonly<Record<string, readonly [found: string, todo: string]>> = {
  ECONNREFUSED: ['nothing listens there', 'start the server, or check its address and port'],
  ENOTFOUND: ['there is no such host', 'check the address'],
  EAI_AGAIN: ['the name cannot be looked up now', 'check the network, and try again'],
  ENETUNREACH: ['there is no way to that network', 'check the network'],
  EHOSTUNREACH: ['there is no way to that host', 'check the network'],
  ETIMEDOUT: ['nobody answers there', 'check the address and the network'],
  UND_ERR_CONNECT_TIMEOUT: ['nobody answers there', 'check the address and the network'],
  CERT_HAS_EXPIRED: ['its certificate has expired', 'renew it on the server'],
  CERT_NOT_YET_VALID: ['its certificate is not valid yet', 'check the clocks of both machines'],
  DEPTH_ZERO_SELF_SIGNED_CERT: ['its certificate is signed by itself', OWN_CA],
  SELF_SIGNED_CERT_IN_CHAIN: ['its certificate is of an unknown authority', OWN_CA],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ['its certificate is of an unknown authority', OWN_CA],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ['its certificate is of an unknown authority', OWN_CA],
  ERR_TLS_CERT_ALTNAME_INVALID: ['its certificate is for another name', 'use the name that the certificate is for'],
  ERR_SSL_WRONG_VERSION_NUMBER: ['it does not speak TLS', 'use http:// if that is meant'],
  ERR_SSL_PACKET_LENGTH_TOO_LONG: ['it does not speak TLS', 'use http:// if that is meant'],
  EPROTO: ['it does not speak TLS as we do', 'use http:// if that is meant'],
}

/** Nothing can have been done before the connection stands. */
const NEVER_SENT = new Set(Object.keys(FAULTS))

const isTimeout = (error: unknown): boolean => error instanceof Error && error.name === 'TimeoutError'

/** The server did not answer. */
export function unreachable(asked: Asked, error: unknown, timeLimitMs: number): BaramError {
  const code = codesOf(error).find((known) => Object.hasOwn(FAULTS, known))
  const [found, todo] = (code === undefined ? undefined : FAULTS[code]) ?? [
    isTimeout(error) ? `no answer within ${timeLimitMs / 1000} s` : `the connection broke (${deepest(error)})`,
    'try again',
  ]
  const isDoubtful = asked.method !== 'GET' && !(code !== undefined && NEVER_SENT.has(code))
  const doubt = isDoubtful ? '. Whether it was done is not known: look first' : ''
  return new BaramError(
    'SERVER_UNREACHABLE',
    `the server ${asked.server} cannot be reached: ${found}; ${todo}${doubt}`,
    {
      cause: error,
    },
  )
}

/** Words of a server in one of our sentences: no more than anybody reads. */
const MOST_CHARACTERS = 500

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** One fault of a field: where it is, and what is wrong. */
function faultText(fault: unknown): string {
  if (!isRecord(fault)) return JSON.stringify(fault)
  const { loc, msg } = fault
  const where = Array.isArray(loc) ? loc.filter((part) => part !== 'body' && part !== 'query').join('.') : ''
  const what = typeof msg === 'string' ? msg.replace(/^Value error, /, '') : JSON.stringify(fault)
  return where === '' ? what : `${where}: ${what}`
}

/** Airflow's `detail`: a text, a list of faults, or an object. */
export function detailOf(body: unknown): string {
  const detail = isRecord(body) ? body['detail'] : undefined
  const text =
    typeof detail === 'string'
      ? detail
      : Array.isArray(detail)
        ? detail.map(faultText).join('; ')
        : isRecord(detail) && typeof detail['message'] === 'string'
          ? detail['message']
          : detail === undefined
            ? ''
            : JSON.stringify(detail)
  return text.slice(0, MOST_CHARACTERS)
}

const CODES: Readonly<Record<number, ErrorCode>> = {
  400: 'INPUT_INVALID',
  404: 'NOT_FOUND',
  409: 'CONFLICT',
  413: 'INPUT_INVALID',
  415: 'INPUT_INVALID',
  422: 'INPUT_INVALID',
  429: 'REFUSED',
}

function signIn({ server, hasToken }: Asked): BaramError {
  const found = hasToken ? 'does not take the token: it has expired or was ended' : 'takes no request without a token'
  return new BaramError('SIGN_IN_REQUIRED', `the server ${server} ${found}; sign in: dagctl login --url ${server}`)
}

/** Anything but 2xx. */
export function errorOfStatus(asked: Asked, status: number, body: unknown, location: string | null): BaramError {
  const { method, path, server } = asked
  const detail = detailOf(body)
  const says = detail === '' ? '' : `: ${detail}`
  if (status === 401) return signIn(asked)
  if (status === 403)
    return new BaramError(
      'FORBIDDEN',
      `the role of your account on ${server} does not allow this (${method} ${path})${says}; ask an admin of it for one that does`,
    )
  if (status === 404 && detail.includes('is not available in this version'))
    return new BaramError('LOCAL_ONLY', `the server ${server} cannot do this yet: ${detail}`)
  const where = location === null ? '' : ` with ${location}`
  if (status >= 300 && status < 400)
    return new BaramError(
      'SERVER_FAILED',
      `${server} leads elsewhere, and the token is not taken there: it answers ${status} to ${method} ${path}${where}; ` +
        'give the address that it leads to',
    )
  const code = CODES[status]
  if (status === 404 && detail === '')
    return new BaramError(
      'SERVER_FAILED',
      `the server ${server} has nothing at ${path}: is it a Baram server, and is its address whole?`,
    )
  if (code === undefined)
    return new BaramError(
      'SERVER_FAILED',
      `the server ${server} answers ${status} to ${method} ${path}${says}; its log says more`,
    )
  return new BaramError(code, detail === '' ? `the server ${server} answers ${status} to ${method} ${path}` : detail)
}
