import { randomUUID } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import type { Lake } from '../../operators/lake/lake.ts'
import { openLake } from '../../operators/lake/open.ts'
import { lakeContract } from '../operators/lake/contract.ts'
import { type MadeUpContext, madeUpContext } from '../support/operator-context.ts'
import { onRealServers, sized } from '../support/real-servers.ts'

async function* bytes(...chunks: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk)
}

async function open(
  host: string,
  more: { login?: string; extra?: object } = {},
): Promise<{ lake: Lake; op: MadeUpContext }> {
  const { login = 'lake', extra = {} } = more
  const connection = { id: 'hdfs_default', type: 'webhdfs', host, login, extra: JSON.stringify(extra) }
  const op = madeUpContext({ embeddedRoot: '/nowhere', connections: [connection] })
  return { lake: await openLake(op, 'hdfs_default'), op }
}

/** The contract writes at the top of an empty lake: a folder of a shared HDFS plays its part. */
class FolderOfLake implements Lake {
  readonly name: string
  readonly #lake: Lake
  readonly #folder: string

  constructor(lake: Lake, folder: string) {
    this.name = lake.name
    this.#lake = lake
    this.#folder = folder
  }

  // What is no absolute path stays one, for the lake itself to refuse.
  #in = (path: string) => (path === '/' ? this.#folder : path.startsWith('/') ? `${this.#folder}${path}` : path)
  #out = <T extends { readonly path: string }>(entry: T): T => ({
    ...entry,
    path: entry.path.slice(this.#folder.length),
  })

  write: Lake['write'] = (path, source, options) => this.#lake.write(this.#in(path), source, options)
  stat: Lake['stat'] = async (path) => {
    const found = await this.#lake.stat(this.#in(path))
    return found === null ? null : this.#out(found)
  }
  checksum: Lake['checksum'] = (path, options) => this.#lake.checksum(this.#in(path), options)
  rename: Lake['rename'] = (from, to, options) => this.#lake.rename(this.#in(from), this.#in(to), options)
  read: Lake['read'] = (path, options) => this.#lake.read(this.#in(path), options)
  list: Lake['list'] = async (path) => (await this.#lake.list(this.#in(path))).map(this.#out)
  mkdirs: Lake['mkdirs'] = (path) => this.#lake.mkdirs(this.#in(path))
  delete: Lake['delete'] = (path, options) => this.#lake.delete(this.#in(path), options)
}

await onRealServers(['hdfs'], ({ hdfs }) => {
  const host = hdfs.endpoints['webhdfs'] ?? ''

  lakeContract('real HDFS', async () => {
    const { lake } = await open(host)
    const folder = `/contract-${randomUUID()}`
    await lake.mkdirs(folder)
    return new FolderOfLake(lake, folder)
  })

  describe('what only HDFS has', () => {
    test('a refusal keeps the class, the words and the status of HDFS', async () => {
      const { lake } = await open(host)
      // Folders that a write makes inherit the open top folder's rights; those of mkdirs are 755.
      await lake.mkdirs('/of-lake')
      await lake.write('/of-lake/x', bytes('1'))
      const { lake: stranger } = await open(host, { login: 'mina' })
      const writing = stranger.write('/of-lake/y', bytes('1'))
      const refusal = { name: 'WebHdfsError', status: 403, exception: 'AccessControlException' }
      await expect(writing).rejects.toMatchObject(refusal)
      await expect(writing).rejects.toThrow('Permission denied: user=mina')
      await expect(stranger.delete('/of-lake/x')).rejects.toMatchObject({ exception: 'AccessControlException' })
      await expect(stranger.read('/of-lake/none')).rejects.toMatchObject({
        exception: 'FileNotFoundException',
        status: 404,
      })
      expect(await text(await stranger.read('/of-lake/x'))).toBe('1')
    })

    test('a proxy user owns what is written for them', async () => {
      const { lake } = await open(host, { login: 'airflow', extra: { proxy_user: 'mina', permission: '600' } })
      const path = `/for-mina-${randomUUID()}/x`
      await lake.write(path, bytes('1'))
      const { lake: other } = await open(host, { login: 'lake' })
      await expect(other.read(path)).rejects.toMatchObject({ exception: 'AccessControlException' })
      const { lake: mina } = await open(host, { login: 'mina' })
      expect(await text(await mina.read(path))).toBe('1')
    })

    test('checksums are of the kind of HDFS', async () => {
      const { lake } = await open(host)
      await lake.write('/checked/x', bytes('1'))
      const checksum = await lake.checksum('/checked/x')
      expect(checksum?.kind).toBe('hdfs-md5-of-crc')
      expect(checksum?.value).toMatch(/^[0-9a-f]{64}$/)
    })

    test('a large file streams through little memory, both ways', async () => {
      const megabytes = sized({ small: 48, full: 512 })
      const { lake } = await open(host)
      const before = process.memoryUsage().rss
      let most = 0
      const note = () => {
        most = Math.max(most, process.memoryUsage().rss - before)
      }
      async function* zeros(): AsyncGenerator<Uint8Array> {
        for (let i = 0; i < megabytes * 4; i += 1) {
          note()
          yield Buffer.alloc(262_144)
        }
      }
      expect(await lake.write('/large/x', zeros())).toBe(megabytes * 1_048_576)
      let received = 0
      for await (const chunk of await lake.read('/large/x')) {
        received += (chunk as Buffer).length
        note()
      }
      expect(received).toBe(megabytes * 1_048_576)
      expect(most).toBeLessThan(Math.max(160, megabytes / 2) * 1_048_576)
      await lake.delete('/large', { recursive: true })
    })
  })
})

await onRealServers(['hdfs-ha'], ({ 'hdfs-ha': ha }) => {
  test('the lake works on through a failover and says so', async () => {
    const { lake, op } = await open(ha.endpoints['webhdfs'] ?? '')
    const folder = `/failover-${randomUUID()}`
    await lake.write(`${folder}/x`, bytes('before'))
    const nn1 = await fetch(`http://${ha.endpoints['nn1']}/jmx?qry=Hadoop:service=NameNode,name=NameNodeStatus`)
    const active = (await nn1.text()).includes('"active"') ? 'nn1' : 'nn2'
    await ha.kill(active)
    expect(await lake.rename(`${folder}/x`, `${folder}/y`)).toBe(true)
    expect(await text(await lake.read(`${folder}/y`))).toBe('before')
    expect(await lake.write(`${folder}/z`, bytes('af', 'ter'))).toBe(5)
    expect((await lake.list(folder)).map((entry) => entry.path)).toEqual([`${folder}/y`, `${folder}/z`])
    expect(op.lines.map((line) => line.message)).toContain('NameNode does not serve: asking the next')
    await ha.restart(active)
  })
})
