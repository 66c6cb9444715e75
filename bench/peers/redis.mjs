// A Redis of the bench's own: each command is on disk before it is answered.

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../deployment.mjs'

/** A TCP port of this host that nothing listens on. */
export const freePort = () =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })

const isOpen = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => resolve(true))
    socket.on('error', () => resolve(false))
    socket.on('connect', () => socket.end())
  })

/** @throws Error when there is no redis-server */
export async function startRedis() {
  const folder = mkdtempSync(join(tmpdir(), 'baram-bench-redis-'))
  const port = await freePort()
  const settings = { port, bind: '127.0.0.1', dir: folder, appendonly: 'yes', appendfsync: 'always', save: '' }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
  const child = spawn('redis-server', args, { stdio: 'ignore' })
  let failure
  const gone = new Promise((resolve) => {
    child.on('error', (error) => {
      failure = `redis-server could not be started (${error.code}): install it, e.g. Debian's package redis-server`
      resolve()
    })
    child.on('exit', (code) => {
      failure = `redis-server ended with ${code}`
      resolve()
    })
  })
  await until(async () => failure !== undefined || (await isOpen(port)), 'Redis to listen', 10_000)
  if (failure !== undefined) throw new Error(failure)
  return {
    port,
    async close() {
      child.kill('SIGTERM')
      await gone
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
