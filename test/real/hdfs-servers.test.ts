import { request } from 'node:http'
import { expect, test } from 'vitest'
import { waitUntil } from '../../runtime/processes.ts'
import { onRealServers } from '../support/real-servers.ts'

/** With node:http, since fetch refuses the "100 Continue" that a DataNode sends unasked. */
function send(url: string, content: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'PUT' }, (answer) => resolve(answer.resume().statusCode))
    sent.on('error', reject).end(content)
  })
}

/** Plain requests, without any code of ours between the test and the server. */
async function put(address: string, path: string, content: string): Promise<number | undefined> {
  const url = `http://${address}/webhdfs/v1${path}?op=CREATE&overwrite=true&user.name=lake`
  const redirect = await fetch(url, { method: 'PUT', redirect: 'manual' })
  const location = redirect.headers.get('location')
  if (location === null) return redirect.status
  return send(location, content)
}

async function get(address: string, path: string): Promise<string> {
  return (await fetch(`http://${address}/webhdfs/v1${path}?op=OPEN&user.name=lake`)).text()
}

async function stateOf(address: string): Promise<string | undefined> {
  const url = `http://${address}/jmx?qry=Hadoop:service=NameNode,name=NameNodeStatus`
  const body = await fetch(url).then(
    (answer) => answer.text(),
    () => '',
  )
  return /"State"\s*:\s*"(\w+)"/.exec(body)?.[1]
}

await onRealServers(['hdfs'], ({ hdfs }) => {
  test('HDFS keeps what is written', async () => {
    const address = hdfs.endpoints['webhdfs'] ?? ''
    expect(await put(address, '/smoke.txt', '쌀')).toBe(201)
    expect(await get(address, '/smoke.txt')).toBe('쌀')
  })
})

await onRealServers(['hdfs-ha'], ({ 'hdfs-ha': ha }) => {
  test('the other NameNode turns active when the active one is killed, and has all files', async () => {
    const address = (name: string) => ha.endpoints[name] ?? ''
    const active = (await stateOf(address('nn1'))) === 'active' ? 'nn1' : 'nn2'
    const other = active === 'nn1' ? 'nn2' : 'nn1'
    expect(await put(address(active), '/smoke.txt', 'before')).toBe(201)
    const refused = await fetch(`http://${address(other)}/webhdfs/v1/smoke.txt?op=GETFILESTATUS&user.name=lake`)
    expect([refused.status, await refused.text()]).toEqual([403, expect.stringContaining('StandbyException')])
    await ha.kill(active)
    expect(await waitUntil(async () => (await stateOf(address(other))) === 'active', 60_000, 100)).toBe(true)
    expect(await get(address(other), '/smoke.txt')).toBe('before')
    await ha.restart(active)
    expect(await waitUntil(async () => (await stateOf(address(active))) === 'standby', 60_000, 100)).toBe(true)
  })
})
