// The two operations that the package webhdfs cannot do, over undici: RENAME with options, and GETFILECHECKSUM.

import { Agent, request } from 'undici'
import { type Answer, credentialsOf, encodePath, unreachable } from './client.ts'
import type { WebHdfsTarget } from './connection.ts'
import { WebHdfsTimedOutError, type Where } from './errors.ts'

interface Operation {
  readonly method: 'GET' | 'PUT'
  readonly path: string
  readonly query: Readonly<Record<string, string>>
}

function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return value
  } catch {
    return text
  }
}

export class BeyondPackage {
  readonly #target: WebHdfsTarget
  readonly #agent: Agent

  constructor(target: WebHdfsTarget) {
    this.#target = target
    this.#agent = new Agent({
      connect: { rejectUnauthorized: target.verify, ...(target.ca !== undefined && { ca: target.ca }) },
      // Nothing is kept alive, so nothing needs to be closed.
      pipelining: 0,
    })
  }

  /** One request, and another one where it is sent on to a DataNode. Its whole answer, whatever the status. */
  async send(operation: Operation, where: Where, signal: AbortSignal | undefined): Promise<Answer> {
    const { timeoutMs } = this.#target
    const late = AbortSignal.timeout(timeoutMs)
    try {
      return await this.#follow(operation, where, signal === undefined ? late : AbortSignal.any([signal, late]))
    } catch (error) {
      signal?.throwIfAborted()
      if (late.aborted) throw new WebHdfsTimedOutError(where, timeoutMs)
      throw unreachable(where, error)
    }
  }

  async #follow({ method, path, query }: Operation, { nameNode }: Where, signal: AbortSignal): Promise<Answer> {
    const { protocol, root, user, password } = this.#target
    const url = new URL(`${protocol}://${nameNode}${root}${encodePath(path)}`)
    for (const [name, value] of Object.entries({ ...query, ...credentialsOf(this.#target) }))
      url.searchParams.set(name, value)
    const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
    const headers = password === '' ? {} : { authorization }
    const options = { method, dispatcher: this.#agent, signal }
    const first = await request(url, { ...options, headers })
    const { location } = first.headers
    if (first.statusCode !== 307 || typeof location !== 'string')
      return { status: first.statusCode, body: parsed(await first.body.text()) }
    await first.body.dump()
    // The DataNode's address carries what it needs; the gateway's password is none of its business.
    const second = await request(location, options)
    return { status: second.statusCode, body: parsed(await second.body.text()) }
  }
}
