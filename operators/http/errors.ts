// How a request can go wrong. Messages name the URL without what is secret in it; retries apply to all of them.

const SECRET = /pass|secret|token|key|auth|sig|credential|private|session/i

/** A URL as it may be told: no login, no password, no fragment, no value of a query name that sounds secret. */
export function safeUrl(url: URL): string {
  const safe = new URL(url)
  safe.username = ''
  safe.password = ''
  safe.hash = ''
  for (const name of [...safe.searchParams.keys()]) if (SECRET.test(name)) safe.searchParams.set(name, '***')
  return safe.href
}

/** The server did not answer, or the answer broke off. */
export class HttpUnreachableError extends Error {
  override readonly name = 'HttpUnreachableError'
}

/** One request took longer than its `timeout`. */
export class HttpTimedOutError extends Error {
  override readonly name = 'HttpTimedOutError'
}

/** The server answered with a status that is not the expected one. */
export class HttpStatusError extends Error {
  override readonly name = 'HttpStatusError'
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** The answer is not what it should be: too long, not the JSON it claims, refused by a check. */
export class HttpAnswerError extends Error {
  override readonly name = 'HttpAnswerError'
}

/** A redirect that is not followed. */
export class HttpRedirectError extends Error {
  override readonly name = 'HttpRedirectError'
}
