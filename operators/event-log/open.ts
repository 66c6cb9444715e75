// Which event log a connection means. No connection: the embedded one, said so in the log.

import { join } from 'node:path'
import { type ConnectionContext, ConnectionUnusableError, folderOf } from '../connection.ts'
import { EmbeddedEventLog } from './embedded.ts'
import type { EventLog } from './event-log.ts'

/** The folder that is the embedded event log of this host. */
function embeddedEventLogRoot(embeddedRoot: string): string {
  return join(embeddedRoot, 'event-log')
}

/**
 * Close what you get.
 * @throws ConnectionUnusableError for a connection that is not one of an event log, EventLogError when Kafka cannot be used
 */
export async function openEventLog(op: ConnectionContext, connId = 'kafka_default'): Promise<EventLog> {
  const connection = await op.client.getConnection(connId)
  if (connection === null) {
    const root = embeddedEventLogRoot(op.embeddedRoot)
    op.log.info({ connId, eventLog: root }, 'no such connection: using the embedded event log, files of this host')
    return new EmbeddedEventLog(root, { signal: op.signal })
  }
  switch (connection.type) {
    case 'kafka': {
      // kafkajs is loaded by those who use it.
      const [{ openKafkaEventLog }, { kafkaConfigOf }] = await Promise.all([
        import('./kafka.ts'),
        import('./kafka-connection.ts'),
      ])
      const config = await kafkaConfigOf(connection)
      const clientId = `baram ${op.dagId}.${op.taskId}`
      return openKafkaEventLog({ connId, config, clientId, log: op.log, signal: op.signal })
    }
    case 'directory':
    case 'file': {
      const folder = folderOf(connection)
      return new EmbeddedEventLog(folder, { name: `event log (directory ${folder})`, signal: op.signal })
    }
    default:
      throw new ConnectionUnusableError(connId, `an event log is of type kafka or directory, found ${connection.type}`)
  }
}
