// The servers we can start. A new one is a row here and a folder `services/<name>/`.

import { ServiceError } from './errors.ts'
import type { Launcher } from './server.ts'

const LAUNCHERS = {
  elasticsearch: async () => (await import('../elasticsearch/launch.ts')).elasticsearch,
  hive: async () => (await import('../hive/launch.ts')).hive,
  hdfs: async () => (await import('../hdfs/launch.ts')).hdfs,
  'hdfs-ha': async () => (await import('../hdfs-ha/launch.ts')).hdfsHa,
  kafka: async () => (await import('../kafka/launch.ts')).kafka,
  kafka3: async () => (await import('../kafka3/launch.ts')).kafka3,
  postgres: async () => (await import('../postgres/launch.ts')).postgres,
  prometheus: async () => (await import('../prometheus/launch.ts')).prometheus,
  redis: async () => (await import('../redis/launch.ts')).redis,
  spark: async () => (await import('../spark/launch.ts')).spark,
  'spark-thrift': async () => (await import('../spark-thrift/launch.ts')).sparkThrift,
  zookeeper: async () => (await import('../zookeeper/launch.ts')).zookeeper,
} satisfies Readonly<Record<string, () => Promise<Launcher>>>

export type ServerName = keyof typeof LAUNCHERS

// Object.keys forgets which keys they are.
export const serverNames = Object.keys(LAUNCHERS) as readonly ServerName[]

export function readServerName(text: string): ServerName {
  const name = serverNames.find((known) => known === text)
  if (name !== undefined) return name
  throw new ServiceError('usage', `there is no server ${JSON.stringify(text)}, only ${serverNames.join(', ')}`)
}

export function launcherOf(name: ServerName): Promise<Launcher> {
  return LAUNCHERS[name]()
}
