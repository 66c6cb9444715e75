// The generated history as a file of this host: `GET /marcap.csv`. Every answer carries `X-Baram-Simulated: true`.

import type { RequestListener } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Listening, listen } from '../listen.ts'
import { generatedHistory } from './history.ts'

export type HistoryServer = Listening

/** A client that reads slower than this writes pays for each piece: few large ones are ten times as fast. */
const PIECE = 256 * 1024

function* inPieces(texts: Iterable<string>): Generator<string> {
  let piece = ''
  for (const text of texts) {
    piece += text
    if (piece.length < PIECE) continue
    yield piece
    piece = ''
  }
  if (piece !== '') yield piece
}

export async function startHistory({ port = 0, host = '127.0.0.1', seed = 1 } = {}): Promise<HistoryServer> {
  const handle: RequestListener = (request, response) => {
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
    pipeline(Readable.from(inPieces(generatedHistory(seed))), response).catch(() => undefined)
  }
  return listen(handle, { port, host })
}
