// A real HiveServer2 of version 4: metastore in Derby inside it, queries on Tez in its own process, tables on the real HDFS.

import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { hadoopXml } from '../hdfs/daemons.ts'
import { javaCommand, opens, writeConfiguration } from '../launcher/java.ts'
import { namedPorts } from '../launcher/ports.ts'
import type { Launcher } from '../launcher/server.ts'

const OPENED = [
  'java.io',
  'java.lang',
  'java.lang.reflect',
  'java.math',
  'java.net',
  'java.nio',
  'java.text',
  'java.time',
  'java.util',
  'java.util.concurrent',
  'java.util.concurrent.atomic',
  'java.util.regex',
  'sun.nio.ch',
]

const LOG4J2 = `status = WARN
rootLogger.level = INFO
rootLogger.appenderRefs = console
rootLogger.appenderRef.console.ref = console
appenders = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %-5p %c{1}: %m%n
`

/** One session engine, one metastore, no locks, no statistics: what a test needs, started fast. */
function settingsOf(folder: string, port: number): Readonly<Record<string, string | number | boolean>> {
  return {
    'hive.server2.authentication': 'NONE',
    'hive.server2.transport.mode': 'binary',
    'hive.server2.thrift.bind.host': '127.0.0.1',
    'hive.server2.thrift.port': port,
    'hive.server2.thrift.max.worker.threads': 20,
    'hive.server2.enable.doAs': false,
    'hive.server2.webui.port': 0,
    'hive.server2.logging.operation.enabled': false,
    'hive.metastore.uris': '',
    'javax.jdo.option.ConnectionURL': `jdbc:derby:;databaseName=${join(folder, 'metastore')};create=true`,
    'javax.jdo.option.ConnectionDriverName': 'org.apache.derby.jdbc.EmbeddedDriver',
    // Derby starts empty: the tables of the metastore are made as they are needed.
    'datanucleus.schema.autoCreateAll': true,
    'datanucleus.connectionPoolingType': 'None',
    'hive.metastore.schema.verification': false,
    'metastore.try.direct.sql': true,
    'hive.metastore.event.db.notification.api.auth': false,
    'hive.metastore.warehouse.dir': join(folder, 'warehouse'),
    'hive.metastore.warehouse.external.dir': join(folder, 'external'),
    'hive.support.concurrency': false,
    'hive.stats.autogather': false,
    'hive.fetch.task.conversion': 'more',
    'hive.execution.engine': 'tez',
    'tez.local.mode': true,
    'tez.runtime.optimize.local.fetch': true,
    'tez.am.disable.client-version-check': true,
    'tez.am.webservice.enable': false,
    'mapreduce.framework.name': 'local',
    'hive.exec.submit.local.task.via.child': false,
    'hive.exec.scratchdir': join(folder, 'scratch'),
    'hive.exec.local.scratchdir': join(folder, 'local'),
    'hive.user.install.directory': join(folder, 'tez'),
    'hive.jar.directory': join(folder, 'tez'),
    // Its own files stay on this disk; tables name HDFS in full.
    'fs.defaultFS': 'file:///',
    // Folders that a CREATE TABLE makes are open to the pipelines that put files there.
    'fs.permissions.umask-mode': '000',
  }
}

export const hive: Launcher = {
  needs: ['hdfs'],
  async launch({ folder, need, jars, start }) {
    const { port } = await namedPorts('port')
    const conf = await writeConfiguration(join(folder, 'conf'), {
      'hive-site.xml': hadoopXml(settingsOf(folder, port)),
      'hive-log4j2.properties': LOG4J2,
      'log4j2.properties': LOG4J2,
    })
    const scratch = join(folder, 'scratch')
    await mkdir(scratch)
    // Hive refuses a scratch folder that others cannot write to.
    await chmod(scratch, 0o733)
    await start({
      name: 'hiveserver2',
      command: javaCommand({
        classpath: [conf, ...(await jars())],
        main: 'org.apache.hive.service.server.HiveServer2',
        heap: 1_200,
        flags: [
          ...opens('java.base', OPENED),
          ...opens('java.sql', ['java.sql']),
          `-Dderby.stream.error.file=${join(folder, 'logs', 'derby.log')}`,
        ],
      }),
      ready: { kind: 'log', holds: 'Service:HiveServer2 is started.' },
      readyWithinMs: 180_000,
    })
    return { hive: `127.0.0.1:${port}`, lake: need('hdfs').endpoints['hdfs'] ?? '' }
  },
}
