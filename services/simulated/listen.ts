// How every simulated source listens, and how it ends: without waiting for those who keep a connection open.

import { createServer, type RequestListener } from 'node:http'

export interface Listening {
  /** `http://127.0.0.1:41234` */
  readonly url: string
  close(): Promise<void>
}

/** @param port default 0: any free one @param host default `127.0.0.1` */
export async function listen(
  handle: RequestListener,
  { port = 0, host = '127.0.0.1' }: { readonly port?: number; readonly host?: string } = {},
): Promise<Listening> {
  const server = createServer(handle)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  const address = server.address()
  const bound = typeof address === 'object' && address !== null ? address.port : port
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)))
        server.closeAllConnections()
      }),
  }
}
