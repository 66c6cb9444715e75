// What a WebHDFS call may end with. No message holds an address with its query: tokens stand there.

/** Where in the cluster a call was made: told in each error. */
export interface Where {
  /** `GETFILESTATUS /candle/x.parquet`. */
  readonly what: string
  /** `nn1:9870`. */
  readonly nameNode: string
  /** Never told, even where the server repeats them. */
  readonly secrets: readonly string[]
}

function told({ what, nameNode, secrets }: Where, problem: string): string {
  const shown = secrets.reduce((text, secret) => text.replaceAll(secret, '***'), problem)
  return `${what} at ${nameNode}: ${shown}`
}

/** HDFS said no: its own class, words and status. */
export class WebHdfsError extends Error {
  override readonly name = 'WebHdfsError'
  readonly status: number
  /** Short class name, such as `AccessControlException`; empty when the answer named none. */
  readonly exception: string
  readonly javaClassName: string
  constructor(where: Where, status: number, remote: RemoteException) {
    super(told(where, `${remote.exception || 'refused'} (HTTP ${status}): ${remote.message}`))
    this.status = status
    this.exception = remote.exception
    this.javaClassName = remote.javaClassName
  }
}

/** No answer: a closed port, an unknown host, a connection that broke. What was asked may have happened. */
export class WebHdfsUnreachableError extends Error {
  override readonly name = 'WebHdfsUnreachableError'
  constructor(where: Where, why: string) {
    super(told(where, `no answer: ${why}`))
  }
}

/** No answer in time. What was asked may have happened, or may still happen. */
export class WebHdfsTimedOutError extends Error {
  override readonly name = 'WebHdfsTimedOutError'
  constructor(where: Where, timeoutMs: number) {
    super(told(where, `nothing moved for ${timeoutMs / 1000} s (extra.timeout of the connection)`))
  }
}

/** An answer that is none of WebHDFS: a proxy's page, half a file. */
export class WebHdfsAnswerError extends Error {
  override readonly name = 'WebHdfsAnswerError'
  constructor(where: Where, problem: string) {
    super(told(where, problem))
  }
}

export interface RemoteException {
  readonly exception: string
  readonly javaClassName: string
  readonly message: string
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const textOf = (value: unknown) => (typeof value === 'string' ? value : '')

/** Error pages of proxies are long; their beginning says what they are. */
const SHOWN = 300

/** What a body that is no success tells, JSON or not. */
export function remoteException(body: unknown): RemoteException {
  const remote = isRecord(body) ? body['RemoteException'] : undefined
  if (isRecord(remote)) {
    // Java puts a stack trace after the first line of some.
    const message = textOf(remote['message']).split('\n')[0] ?? ''
    return { exception: textOf(remote['exception']), javaClassName: textOf(remote['javaClassName']), message }
  }
  const shown = typeof body === 'string' ? body.slice(0, SHOWN) : 'an empty answer'
  return { exception: '', javaClassName: '', message: `this is no answer of WebHDFS: ${shown}` }
}
