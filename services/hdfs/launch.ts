// A real HDFS: one NameNode, two DataNodes, WebHDFS.

import { join } from 'node:path'
import { namedPorts } from '../launcher/ports.ts'
import type { Launcher } from '../launcher/server.ts'
import { configure, dataNode, liveDataNodes, MAIN, nameNode, openRoot, prepare } from './daemons.ts'

export const hdfs: Launcher = {
  async launch({ folder, jars: fetchJars, start, until }) {
    const jars = await fetchJars()
    const ports = await namedPorts('rpc', 'http')
    const http = `127.0.0.1:${ports.http}`
    const core = { 'fs.defaultFS': `hdfs://127.0.0.1:${ports.rpc}`, 'hadoop.tmp.dir': join(folder, 'tmp') }
    const settings = {
      'dfs.namenode.rpc-address': `127.0.0.1:${ports.rpc}`,
      'dfs.namenode.http-address': http,
      'dfs.namenode.name.dir': join(folder, 'namenode'),
    }
    const configuration = await configure(join(folder, 'conf', 'namenode'), jars, core, settings)
    await prepare(configuration, MAIN.nameNode, '-format', '-nonInteractive', '-force')
    const dataNodes = await Promise.all(
      ['datanode-1', 'datanode-2'].map((name) => dataNode(name, folder, jars, core, settings)),
    )
    await Promise.all([nameNode('namenode', configuration, http), ...dataNodes].map(start))
    await until('both DataNodes are registered', async () => (await liveDataNodes(http)) === 2)
    await until('the root folder is open to all', () => openRoot(http))
    return { webhdfs: http, hdfs: core['fs.defaultFS'] }
  },
}
