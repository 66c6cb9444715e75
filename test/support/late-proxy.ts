// A proxy in front of Postgres that can hold back what a client sends: the client's side is cut, the server's side stays
// open, and the bytes arrive later. What a delayed packet, a slow pooler or a slow network does to a COMMIT.

import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface LateProxy {
  /** The server's URL (of a Unix socket), through the proxy. */
  readonly url: string
  /**
   * From now on the first message that holds `text` is not passed on: its client is cut off at once. Resolves then, with
   * what lets the message through at last (or finds its session gone).
   */
  holdBack(text: string): Promise<{ letThrough(): Promise<void> }>
  /** Cuts all connections and refuses new ones: the server seems down. */
  refuse(isRefusing: boolean): Promise<void>
  /** Passes nothing on and answers nothing, in neither direction: silence. */
  silence(isSilent: boolean): void
  close(): Promise<void>
}

interface Pair {
  readonly client: Socket
  readonly server: Socket
}

interface WatchedTrigger {
  readonly text: string
  tell(found: { letThrough(): Promise<void> }): void
}

const gone = (socket: Socket) => new Promise<void>((done) => (socket.destroyed ? done() : socket.once('close', done)))

/** BackendKeyData: 'K', its length, then the pid that a client believes its session to have. */
const KEY_DATA = Buffer.from([0x4b, 0, 0, 0, 12])

/** As a pooler answers: with a number of its own, which is none of the server's. */
function hidePid(chunk: Buffer): Buffer {
  const at = chunk.indexOf(KEY_DATA)
  if (at >= 0) chunk.writeInt32BE(2 ** 31 - 1, at + KEY_DATA.length)
  return chunk
}

/** @param isPooler clients see pids that are none of the server's */
export async function startLateProxy(target: string, isPooler = false): Promise<LateProxy> {
  const [, folder = ''] = /[?&]host=([^&]+)/.exec(target) ?? []
  const port = /[?&]port=(\d+)/.exec(target)?.[1] ?? '5432'
  const own = await mkdtemp(join(tmpdir(), 'late-'))
  const path = join(own, `.s.PGSQL.${port}`)
  const pairs = new Set<Pair>()
  let held: WatchedTrigger | null = null
  let isSilent = false

  const pass = (pair: Pair, chunk: Buffer) => {
    if (isSilent) return
    if (held === null || !chunk.includes(held.text)) {
      pair.server.write(chunk)
      return
    }
    const { tell } = held
    held = null
    pair.client.destroy()
    tell({
      async letThrough() {
        if (pair.server.destroyed) return
        pair.server.write(chunk)
        pair.server.end()
        await gone(pair.server)
      },
    })
    // Its server's side lives on, without a client.
    pairs.delete(pair)
  }

  const server = createServer((client) => {
    const upstream = connect(join(decodeURIComponent(folder), `.s.PGSQL.${port}`))
    const pair = { client, server: upstream }
    pairs.add(pair)
    client.on('data', (chunk) => pass(pair, chunk))
    upstream.on('data', (chunk) => {
      if (!isSilent) client.write(isPooler ? hidePid(chunk) : chunk)
    })
    for (const socket of [client, upstream]) socket.on('error', () => undefined)
    client.on('close', () => {
      if (pairs.delete(pair)) upstream.destroy()
    })
    upstream.on('close', () => client.destroy())
  })
  const listen = () => new Promise<void>((done) => server.listen(path, done))
  await listen()
  const cut = () => {
    for (const pair of pairs) pair.client.destroy()
  }
  return {
    url: target.replace(folder, encodeURIComponent(own)),
    holdBack: (text) =>
      new Promise((tell) => {
        held = { text, tell }
      }),
    async refuse(isRefusing) {
      if (!isRefusing) return listen()
      const closed = new Promise<void>((done) => server.close(() => done()))
      cut()
      await closed
    },
    silence(is) {
      isSilent = is
    },
    async close() {
      isSilent = false
      cut()
      for (const pair of pairs) pair.server.destroy()
      if (server.listening) await new Promise<void>((done) => server.close(() => done()))
      await rm(own, { recursive: true, force: true })
    },
  }
}
