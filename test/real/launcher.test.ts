import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { onRealServers } from '../support/real-servers.ts'

function ask(url: string, command: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.end(command)
  return text(socket)
}

await onRealServers(['redis'], ({ redis }) => {
  const address = redis.endpoints['redis'] ?? ''

  test('a server keeps a value, loses it when its member is killed, and serves again on the same port', async () => {
    expect(await ask(address, 'SET rice 쌀\r\nGET rice\r\nQUIT\r\n')).toContain('쌀')
    expect(redis.isRunning()).toBe(true)
    await redis.kill('redis')
    expect(redis.isRunning()).toBe(false)
    await expect(ask(address, 'PING\r\n')).rejects.toThrow(/ECONNREFUSED|ECONNRESET/)
    await redis.restart('redis')
    expect(await ask(address, 'GET rice\r\nQUIT\r\n')).toBe('$-1\r\n+OK\r\n')
    expect(redis.memory()).toBeGreaterThan(1_000_000)
  })

  test('a member that does not exist is named in the error', async () => {
    await expect(redis.kill('broker-1')).rejects.toThrow('redis has no member broker-1, only redis')
  })
})

await onRealServers(['postgres'], ({ postgres }) => {
  test('Postgres answers on TCP with its password, and not without', async () => {
    const url = postgres.endpoints['url'] ?? ''
    const client = new Client({ connectionString: url })
    await client.connect()
    const { rows } = await client.query<{ n: number }>('select 1 as n')
    await client.end()
    expect(rows).toEqual([{ n: 1 }])
    const stranger = new Client({ connectionString: url.replace(/:[0-9a-f]+@/, ':wrong@') })
    await expect(stranger.connect()).rejects.toThrow(/password authentication failed/)
  })
})

await onRealServers(['zookeeper'], ({ zookeeper }) => {
  test('a server of Maven jars answers', async () => {
    expect(await ask(`tcp://${zookeeper.endpoints['zookeeper']}`, 'ruok')).toBe('imok')
  })
})
