// HDFS daemons of this machine: their configuration, their command lines, and when they are ready.

import { userInfo } from 'node:os'
import { join } from 'node:path'
import { type JavaProgram, javaCommand, opens, runJava, writeConfiguration } from '../launcher/java.ts'
import type { Command, MemberSpec } from '../launcher/member.ts'
import { namedPorts } from '../launcher/ports.ts'
import { fetchText } from '../launcher/ready.ts'

export type Settings = Readonly<Record<string, string | number | boolean>>

const SERVER = 'org.apache.hadoop.hdfs.server'
export const MAIN = {
  nameNode: `${SERVER}.namenode.NameNode`,
  dataNode: `${SERVER}.datanode.DataNode`,
  journalNode: 'org.apache.hadoop.hdfs.qjournal.server.JournalNode',
  failover: 'org.apache.hadoop.hdfs.tools.DFSZKFailoverController',
} as const

/** What Hadoop's own start scripts open since JDK 17 (HADOOP-19310). */
const FLAGS = opens('java.base', [
  'java.io',
  'java.lang',
  'java.lang.reflect',
  'java.math',
  'java.net',
  'java.text',
  'java.util',
  'java.util.concurrent',
  'java.util.zip',
  'sun.security.util',
  'sun.security.x509',
])

const LOG4J = `log4j.rootLogger=INFO,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.err
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %-5p %c{1}: %m%n
# A JVM without Hadoop's native library says so at each start, and nothing is wrong.
log4j.logger.org.apache.hadoop.util.NativeCodeLoader=ERROR
`

/** The superuser is called hdfs whoever runs the tests; permissions are on, as in any real cluster. */
const HADOOP_USER = { HADOOP_USER_NAME: 'hdfs' }

const CORE = {
  'hadoop.http.staticuser.user': 'nobody',
  // User airflow may act for others, which tests of a proxy user need.
  'hadoop.proxyuser.airflow.hosts': '*',
  'hadoop.proxyuser.airflow.users': '*',
  // Hive, run by the same user as we are, looks at folders in the name of whoever asks it.
  [`hadoop.proxyuser.${userInfo().username}.hosts`]: '*',
  [`hadoop.proxyuser.${userInfo().username}.users`]: '*',
} as const

/** Small blocks make small test files span several; quick checks find a killed DataNode in seconds, not in ten minutes. */
const HDFS = {
  'dfs.replication': 2,
  'dfs.blocksize': 1_048_576,
  'dfs.namenode.fs-limits.min-block-size': 0,
  'dfs.namenode.safemode.extension': 0,
  'dfs.namenode.datanode.registration.ip-hostname-check': false,
  'dfs.namenode.delegation.token.always-use': true,
  'dfs.namenode.heartbeat.recheck-interval': 2_000,
  'dfs.heartbeat.interval': 1,
  'dfs.datanode.du.reserved': 0,
} as const

/** As Hadoop and Hive read it: `<name>value</name>` pairs. */
export function hadoopXml(settings: Settings): string {
  const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  const properties = Object.entries(settings).map(
    ([name, value]) => `  <property><name>${escaped(name)}</name><value>${escaped(String(value))}</value></property>\n`,
  )
  return `<?xml version="1.0"?>\n<configuration>\n${properties.join('')}</configuration>\n`
}

export interface Configuration {
  readonly folder: string
  readonly jars: readonly string[]
}

/** A configuration folder of one daemon. */
export async function configure(
  folder: string,
  jars: readonly string[],
  core: Settings,
  hdfs: Settings,
): Promise<Configuration> {
  await writeConfiguration(folder, {
    'core-site.xml': hadoopXml({ ...CORE, ...core }),
    'hdfs-site.xml': hadoopXml({ ...HDFS, ...hdfs }),
    'log4j.properties': LOG4J,
  })
  return { folder, jars }
}

function program({ folder, jars }: Configuration, main: string, args: readonly string[], heap: number): JavaProgram {
  return { classpath: [folder, ...jars], main, args, heap, flags: FLAGS, environment: HADOOP_USER }
}

export function daemon(configuration: Configuration, main: string, heap = 192): Command {
  return javaCommand(program(configuration, main, [], heap))
}

/** Formatting, bootstrapping: a daemon's main class with arguments, to its end. */
export async function prepare(configuration: Configuration, main: string, ...args: readonly string[]): Promise<string> {
  return runJava(program(configuration, main, args, 192))
}

const jmx = (http: string, bean: string) => `http://${http}/jmx?qry=Hadoop:service=NameNode,name=${bean}`

/** Registered DataNodes that the NameNode hears from, once it is out of safe mode; null while it does not tell. */
export async function liveDataNodes(http: string): Promise<number | null> {
  const [system, info] = [await fetchText(jmx(http, 'FSNamesystemState')), await fetchText(jmx(http, 'NameNodeInfo'))]
  const live = /"NumLiveDataNodes"\s*:\s*(\d+)/.exec(system ?? '')?.[1]
  const isOpen = /"Safemode"\s*:\s*""/.test(info ?? '')
  return live === undefined || !isOpen ? null : Number(live)
}

/** `active`, `standby`, or null while it does not tell. */
export async function nameNodeState(http: string): Promise<string | null> {
  return /"State"\s*:\s*"(\w+)"/.exec((await fetchText(jmx(http, 'NameNodeStatus'))) ?? '')?.[1] ?? null
}

/** A NameNode is ready once it can be asked about itself. */
export function nameNode(name: string, configuration: Configuration, http: string): MemberSpec {
  return {
    name,
    command: daemon(configuration, MAIN.nameNode, 256),
    ready: { kind: 'http', url: jmx(http, 'NameNodeStatus'), holds: '"State"' },
  }
}

/** A DataNode with ports and disks of its own, on the same settings as the others. */
export async function dataNode(
  name: string,
  folder: string,
  jars: readonly string[],
  core: Settings,
  hdfs: Settings,
): Promise<MemberSpec> {
  const { data, http, ipc } = await namedPorts('data', 'http', 'ipc')
  const own = {
    'dfs.datanode.data.dir': join(folder, name),
    'dfs.datanode.address': `127.0.0.1:${data}`,
    'dfs.datanode.http.address': `127.0.0.1:${http}`,
    'dfs.datanode.ipc.address': `127.0.0.1:${ipc}`,
    // Else clients are redirected to the machine's name, which need not lead to 127.0.0.1.
    'dfs.datanode.hostname': '127.0.0.1',
  }
  const configuration = await configure(join(folder, 'conf', name), jars, core, { ...hdfs, ...own })
  return {
    name,
    command: daemon(configuration, MAIN.dataNode),
    ready: { kind: 'http', url: `http://127.0.0.1:${http}/jmx?qry=Hadoop:service=DataNode,name=DataNodeInfo` },
  }
}

/** Everybody may write at the top, as on a shared staging cluster; below, owners decide. */
export async function openRoot(http: string): Promise<boolean> {
  const url = `http://${http}/webhdfs/v1/?op=SETPERMISSION&permission=777&user.name=hdfs`
  const answer = await fetch(url, { method: 'PUT', signal: AbortSignal.timeout(5_000) }).catch(() => null)
  return answer?.status === 200
}
