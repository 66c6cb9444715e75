// Spark's Thrift server: Spark SQL behind the protocol of HiveServer2, its metastore in Derby, tables on the real HDFS.

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { namedPorts } from '../launcher/ports.ts'
import type { Launcher } from '../launcher/server.ts'
import { sparkHome } from '../spark/home.ts'

export const sparkThrift: Launcher = {
  needs: ['hdfs'],
  async launch(launch) {
    const { folder, need, start } = launch
    const { submit } = await sparkHome(launch)
    const { port } = await namedPorts('port')
    const [warehouse, metastore] = [join(folder, 'warehouse'), join(folder, 'metastore')]
    await mkdir(warehouse)
    const hive = {
      'hive.server2.thrift.port': String(port),
      'hive.server2.thrift.bind.host': '127.0.0.1',
      'hive.server2.authentication': 'NONE',
    }
    const conf = {
      'spark.sql.warehouse.dir': warehouse,
      'spark.ui.enabled': 'false',
      'spark.sql.shuffle.partitions': '2',
      'spark.hadoop.javax.jdo.option.ConnectionURL': `jdbc:derby:;databaseName=${metastore};create=true`,
      'spark.hadoop.datanucleus.connectionPoolingType': 'None',
      'spark.driver.extraJavaOptions': `-XX:+UseSerialGC -Dderby.system.home=${folder}`,
    }
    const pairs = (flag: string, given: Readonly<Record<string, string>>) =>
      Object.entries(given).flatMap(([name, value]) => [flag, `${name}=${value}`])
    await start({
      name: 'thriftserver',
      command: submit([
        ...['--master', 'local[2]', '--driver-memory', '768m', ...pairs('--conf', conf)],
        ...['--class', 'org.apache.spark.sql.hive.thriftserver.HiveThriftServer2', 'spark-internal'],
        ...pairs('--hiveconf', hive),
      ]),
      ready: { kind: 'log', holds: 'HiveThriftServer2 started' },
      readyWithinMs: 180_000,
    })
    return { thrift: `127.0.0.1:${port}`, lake: need('hdfs').endpoints['hdfs'] ?? '' }
  },
}
