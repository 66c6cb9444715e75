// The generated history as a file of this host: `GET /marcap.csv`. Every answer carries `X-Baram-Simulated: true`.

import { createServer } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { generatedHistory } from './history.ts'

export interface HistoryServer {
  /** `http://127.0.0.1:41234` */
  readonly url: string
  close(): Promise<void>
}

export async function startHistory({ port = 0, host = '127.0.0.1', seed = 1 } = {}): Promise<HistoryServer> {
  const server = createServer((request, response) => {
    const isFile = request.method === 'GET' && request.url === '/marcap.csv'
    response.writeHead(isFile ? 200 : 404, {
      'content-type': isFile ? 'text/csv; charset=utf-8' : 'text/plain; charset=utf-8',
      'x-baram-simulated': 'true',
    })
    if (!isFile) {
      response.end('simulated: there is /marcap.csv, nothing else\n')
      return
    }
    // A reader that goes away is none of our business.
    pipeline(Readable.from(generatedHistory(seed)), response).catch(() => undefined)
  })
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
