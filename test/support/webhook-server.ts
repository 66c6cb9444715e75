// A receiver of webhooks: what came, and how it answers.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Received {
  readonly path: string
  readonly key: string
  readonly authorization: string | undefined
  readonly body: { readonly [name: string]: unknown }
}

export interface WebhookServer {
  readonly url: string
  readonly received: Received[]
  /** What a path answers; default 200. `hang`: nothing, ever. */
  readonly answers: Map<string, number | 'hang'>
  /** What came for a DAG. */
  of(dagId: string): readonly Received[]
  stop(): Promise<void>
}

export async function startWebhookServer(): Promise<WebhookServer> {
  const received: Received[] = []
  const answers = new Map<string, number | 'hang'>()
  const serve = async (req: IncomingMessage, res: ServerResponse) => {
    const chunks: Buffer[] = []
    for await (const chunk of req) chunks.push(chunk as Buffer)
    const path = req.url ?? ''
    const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Received['body']
    const { authorization } = req.headers
    received.push({ path, key: String(req.headers['idempotency-key']), authorization, body })
    const answer = answers.get(path) ?? 200
    if (answer !== 'hang') res.writeHead(answer).end(answer === 200 ? 'ok' : 'no')
  }
  const server = createServer((req, res) => void serve(req, res))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    answers,
    of: (dagId) => received.filter(({ body }) => body['dagId'] === dagId),
    async stop() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}
