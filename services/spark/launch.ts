// A real Spark standalone cluster: one master, one worker of four cores, and the jars of Spark's Kafka connector.

import { mkdir, symlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { namedPorts } from '../launcher/ports.ts'
import { fetchText } from '../launcher/ready.ts'
import type { Launcher } from '../launcher/server.ts'
import { sparkHome } from './home.ts'

const MASTER = 'org.apache.spark.deploy.master.Master'
const WORKER = 'org.apache.spark.deploy.worker.Worker'

/** What drivers and executors may take together: a bound for the scheduler of Spark, not memory that is held. */
const MEMORY = '3g'
/** More than the machine has: a driver of cluster mode and its executors must fit beside another application. */
const CORES = '4'

/** One folder of links: `--jars` takes its files, and a status page need not list them. */
async function linkJars(folder: string, jars: readonly string[]): Promise<string> {
  await mkdir(folder)
  for (const jar of jars) await symlink(jar, join(folder, basename(jar)))
  return folder
}

export const spark: Launcher = {
  async launch(launch) {
    const { folder, jars, start, until } = launch
    const { home, daemon } = await sparkHome(launch)
    const kafkaJars = await linkJars(join(folder, 'kafka-jars'), await jars())
    const ports = await namedPorts('master', 'web', 'rest', 'worker', 'workerWeb')
    const [master, web] = [`spark://127.0.0.1:${ports.master}`, `http://127.0.0.1:${ports.web}`]
    const listen = (port: number, webPort: number) => [
      ...['--host', '127.0.0.1', '--port', String(port)],
      ...['--webui-port', String(webPort)],
    ]
    await start({
      name: 'master',
      command: daemon(MASTER, listen(ports.master, ports.web), {
        'spark.master.rest.enabled': 'true',
        'spark.master.rest.port': String(ports.rest),
        // A worker that was killed is missed after 6 s instead of 60: tests wait for it.
        'spark.worker.timeout': '6',
      }),
      ready: { kind: 'http', url: `${web}/json/`, holds: '"ALIVE"' },
    })
    await start({
      name: 'worker',
      command: daemon(
        WORKER,
        [
          ...listen(ports.worker, ports.workerWeb),
          ...['--cores', CORES, '--memory', MEMORY, '--work-dir', join(folder, 'work')],
          master,
        ],
        { 'spark.worker.timeout': '6' },
      ),
      ready: { kind: 'http', url: `http://127.0.0.1:${ports.workerWeb}/json/` },
    })
    await until('the worker is registered', async () =>
      /"aliveworkers"\s*:\s*1/.test((await fetchText(`${web}/json/`)) ?? ''),
    )
    return { spark: master, web, rest: `http://127.0.0.1:${ports.rest}`, home, kafkaJars }
  },
}
