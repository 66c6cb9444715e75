// A real ZooKeeper of one node: what HDFS fails over with.

import { join } from 'node:path'
import { javaCommand, writeConfiguration } from '../launcher/java.ts'
import { namedPorts } from '../launcher/ports.ts'
import type { Launcher } from '../launcher/server.ts'

export const zookeeper: Launcher = {
  async launch({ folder, jars, start }) {
    const { port } = await namedPorts('port')
    const settings = {
      dataDir: join(folder, 'data'),
      clientPort: port,
      clientPortAddress: '127.0.0.1',
      'admin.enableServer': false,
      '4lw.commands.whitelist': 'ruok',
      tickTime: 1000,
    }
    const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`)
    const conf = await writeConfiguration(join(folder, 'conf'), { 'zoo.cfg': lines.join('') })
    await start({
      name: 'zookeeper',
      command: javaCommand({
        classpath: [conf, ...(await jars())],
        main: 'org.apache.zookeeper.server.quorum.QuorumPeerMain',
        args: [join(conf, 'zoo.cfg')],
        heap: 96,
      }),
      ready: { kind: 'tcp', port, send: 'ruok', holds: 'imok' },
    })
    return { zookeeper: `127.0.0.1:${port}` }
  },
}
