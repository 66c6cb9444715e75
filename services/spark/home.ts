// Apache Spark 3.5 as PyPI's `pyspark` carries it: its jars, `spark-submit` and `spark-class`.

import { join } from 'node:path'
import type { Command } from '../launcher/member.ts'
import type { Launch } from '../launcher/server.ts'

/** Of Spark and of its Kafka connector (pom.xml): the two must be one version, and Maven has not every one of the connector. */
const VERSION = '3.5.3'

/** A Spark that can be started. */
export interface SparkHome {
  readonly home: string
  /** `spark-class MAIN …`: daemons in this process itself, with a small heap. */
  daemon(main: string, args: readonly string[], options?: Readonly<Record<string, string>>): Command
  /** `spark-submit …`, which becomes the driver. */
  submit(args: readonly string[]): Command
}

/** One collector thread and the quick compiler: less memory and half the start time on two cores. */
const DAEMON_FLAGS = '-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData -Djava.net.preferIPv4Stack=true'

export async function sparkHome({ folder, pythonPackage }: Launch): Promise<SparkHome> {
  const home = join(await pythonPackage('pyspark', VERSION), 'pyspark')
  const environment = {
    SPARK_HOME: home,
    // Else Spark listens at the machine's name, which need not lead anywhere.
    SPARK_LOCAL_IP: '127.0.0.1',
    SPARK_CONF_DIR: join(folder, 'conf'),
  }
  return {
    home,
    daemon: (main, args, options = {}) => ({
      program: join(home, 'bin', 'spark-class'),
      args: [main, ...args],
      environment: {
        ...environment,
        SPARK_DAEMON_MEMORY: '256m',
        SPARK_DAEMON_JAVA_OPTS: `${DAEMON_FLAGS} ${Object.entries(options)
          .map(([name, value]) => `-D${name}=${value}`)
          .join(' ')}`,
      },
    }),
    submit: (args) => ({ program: join(home, 'bin', 'spark-submit'), args, environment }),
  }
}
