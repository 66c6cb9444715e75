// The servers of streams themselves, asked by their plain clients.

import kafka from 'kafkajs'
import { expect, test } from 'vitest'
import { fetchText } from '../../services/launcher/ready.ts'
import { onRealServers } from '../support/real-servers.ts'

async function describeCluster(brokers: string) {
  const client = new kafka.Kafka({ brokers: brokers.split(','), logLevel: kafka.logLevel.NOTHING })
  const admin = client.admin()
  await admin.connect()
  try {
    return await admin.describeCluster()
  } finally {
    await admin.disconnect()
  }
}

await onRealServers(['kafka3'], ({ kafka3 }) => {
  test('three brokers are one cluster, which outlives any of them', async () => {
    const brokers = kafka3.endpoints['kafka'] ?? ''
    expect((await describeCluster(brokers)).brokers.map(({ nodeId }) => nodeId).sort()).toEqual([1, 2, 3])
    await kafka3.kill('broker-2')
    const left = async () => (await describeCluster(brokers)).brokers.map(({ nodeId }) => nodeId).sort()
    await expect.poll(left, { timeout: 30_000, interval: 200 }).toEqual([1, 3])
    await kafka3.restart('broker-2')
    await expect.poll(left, { timeout: 30_000, interval: 200 }).toEqual([1, 2, 3])
  })
})

await onRealServers(['elasticsearch'], ({ elasticsearch }) => {
  test('Elasticsearch 7.17 answers, and makes no index by itself', async () => {
    const url = elasticsearch.endpoints['elasticsearch'] ?? ''
    expect(await fetchText(url)).toMatch(/"number" : "7\.17\.\d+"/)
    const put = await fetch(`${url}/typo/_doc/1`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    })
    expect(put.status).toBe(404)
  })
})
