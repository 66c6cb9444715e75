// Ports of 127.0.0.1 that nothing listens on.

import { randomInt } from 'node:crypto'
import { createServer, type Server } from 'node:net'
import { ServiceError } from './errors.ts'

/**
 * Below Linux's range for outgoing connections (32768 and up): a member that is killed and restarted on its port must
 * not find a client's connection there.
 */
const LOWEST = 20_000
const HIGHEST = 32_000
const MOST_TRIES = 200

function listenOn(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(null))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(server))
  })
}

const closed = (server: Server) => new Promise<void>((resolve) => server.close(() => resolve()))

/** All are held until the last is found, so no two are equal. */
async function freePorts(count: number): Promise<readonly number[]> {
  const held = new Map<number, Server>()
  try {
    for (let tries = 0; held.size < count && tries < MOST_TRIES; tries += 1) {
      const port = randomInt(LOWEST, HIGHEST)
      const server = held.has(port) ? null : await listenOn(port)
      if (server !== null) held.set(port, server)
    }
  } finally {
    await Promise.all([...held.values()].map(closed))
  }
  if (held.size === count) return [...held.keys()]
  throw new ServiceError('failed', `found only ${held.size} of ${count} free ports from ${LOWEST} to ${HIGHEST}`)
}

/** A free port for each name: `const { http, rpc } = await namedPorts('http', 'rpc')`. */
export async function namedPorts<N extends string>(...names: readonly N[]): Promise<Readonly<Record<N, number>>> {
  const ports = await freePorts(names.length)
  // Object.fromEntries forgets which keys it was given; they are exactly the names.
  return Object.fromEntries(names.map((name, i) => [name, ports[i]])) as Record<N, number>
}
