// A real HDFS that survives its NameNode: two of them with automatic failover by ZooKeeper, three JournalNodes, two DataNodes.

import { join } from 'node:path'
import {
  type Configuration,
  configure,
  daemon,
  dataNode,
  liveDataNodes,
  MAIN,
  nameNode,
  nameNodeState,
  openRoot,
  prepare,
  type Settings,
} from '../hdfs/daemons.ts'
import type { MemberSpec } from '../launcher/member.ts'
import { namedPorts } from '../launcher/ports.ts'
import type { Launcher } from '../launcher/server.ts'

const NAMES = ['nn1', 'nn2'] as const
const JOURNALS = ['journal-1', 'journal-2', 'journal-3'] as const
const PROXY = 'org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider'

type NameNodeName = (typeof NAMES)[number]

interface Journal {
  readonly rpc: number
  readonly member: MemberSpec
}

async function journalNode(name: string, folder: string, jars: readonly string[]): Promise<Journal> {
  const { rpc, http } = await namedPorts('rpc', 'http')
  const settings = {
    'dfs.journalnode.rpc-address': `127.0.0.1:${rpc}`,
    'dfs.journalnode.http-address': `127.0.0.1:${http}`,
    'dfs.journalnode.edits.dir': join(folder, name),
  }
  const configuration = await configure(join(folder, 'conf', name), jars, {}, settings)
  const ready = { kind: 'http', url: `http://127.0.0.1:${http}/jmx?qry=java.lang:type=Runtime` } as const
  return { rpc, member: { name, command: daemon(configuration, MAIN.journalNode, 128), ready } }
}

interface Addresses {
  readonly rpc: number
  readonly http: number
  readonly zkfc: number
}

/** What every member and every client of the nameservice `lake` must know. */
function sharedSettings(nodes: Readonly<Record<NameNodeName, Addresses>>, journals: readonly Journal[]): Settings {
  const addresses: Record<string, string> = {}
  for (const name of NAMES) {
    addresses[`dfs.namenode.rpc-address.lake.${name}`] = `127.0.0.1:${nodes[name].rpc}`
    addresses[`dfs.namenode.http-address.lake.${name}`] = `127.0.0.1:${nodes[name].http}`
  }
  return {
    'dfs.nameservices': 'lake',
    'dfs.ha.namenodes.lake': NAMES.join(','),
    ...addresses,
    'dfs.namenode.shared.edits.dir': `qjournal://${journals.map(({ rpc }) => `127.0.0.1:${rpc}`).join(';')}/lake`,
    'dfs.client.failover.proxy.provider.lake': PROXY,
    'dfs.ha.automatic-failover.enabled': true,
    // The journal itself lets only one write; there is no machine to be cut off here.
    'dfs.ha.fencing.methods': 'shell(/bin/true)',
  }
}

export const hdfsHa: Launcher = {
  needs: ['zookeeper'],
  async launch({ folder, need, jars: fetchJars, start, until }) {
    const jars = await fetchJars('hdfs')
    const journals = await Promise.all(JOURNALS.map((name) => journalNode(name, folder, jars)))
    const nodes = {
      nn1: await namedPorts('rpc', 'http', 'zkfc'),
      nn2: await namedPorts('rpc', 'http', 'zkfc'),
    }
    const http = (name: NameNodeName) => `127.0.0.1:${nodes[name].http}`
    const core = {
      'fs.defaultFS': 'hdfs://lake',
      'hadoop.tmp.dir': join(folder, 'tmp'),
      'ha.zookeeper.quorum': need('zookeeper').endpoints['zookeeper'] ?? '',
      'ha.zookeeper.parent-znode': `/hadoop-ha-${nodes.nn1.rpc}`,
      // A killed NameNode is noticed within this time; the default is ten seconds.
      'ha.zookeeper.session-timeout.ms': 4_000,
      'ha.health-monitor.check-interval.ms': 500,
    }
    const shared = sharedSettings(nodes, journals)
    const configureNode = (name: NameNodeName): Promise<Configuration> =>
      configure(join(folder, 'conf', name), jars, core, {
        ...shared,
        'dfs.ha.namenode.id': name,
        'dfs.namenode.name.dir': join(folder, name),
        'dfs.ha.zkfc.port': nodes[name].zkfc,
      })
    const [nn1, nn2] = [await configureNode('nn1'), await configureNode('nn2')]

    await Promise.all(journals.map(({ member }) => start(member)))
    await prepare(nn1, MAIN.nameNode, '-format', '-nonInteractive', '-force')
    await start(nameNode('nn1', nn1, http('nn1')))
    await Promise.all([
      prepare(nn2, MAIN.nameNode, '-bootstrapStandby', '-nonInteractive', '-force'),
      prepare(nn1, MAIN.failover, '-formatZK', '-nonInteractive', '-force'),
    ])
    const failover = (name: string, configuration: Configuration): MemberSpec => ({
      name,
      command: daemon(configuration, MAIN.failover, 96),
      ready: { kind: 'log', holds: 'Entering state SERVICE_HEALTHY' },
    })
    const dataNodes = await Promise.all(
      ['datanode-1', 'datanode-2'].map((name) => dataNode(name, folder, jars, core, shared)),
    )
    await Promise.all([nameNode('nn2', nn2, http('nn2')), failover('zkfc-1', nn1), ...dataNodes].map(start))
    await until('nn1 is active', async () => (await nameNodeState(http('nn1'))) === 'active')
    await start(failover('zkfc-2', nn2))
    await until('nn2 stands by', async () => (await nameNodeState(http('nn2'))) === 'standby')
    await until('both DataNodes are registered', async () => (await liveDataNodes(http('nn1'))) === 2)
    await until('the root folder is open to all', () => openRoot(http('nn1')))
    return { webhdfs: `${http('nn1')},${http('nn2')}`, nn1: http('nn1'), nn2: http('nn2') }
  },
}
