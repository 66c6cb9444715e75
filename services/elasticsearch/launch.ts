// A real Elasticsearch 7.17 of one node, without x-pack.

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { javaCommand, opens, writeConfiguration } from '../launcher/java.ts'
import { namedPorts } from '../launcher/ports.ts'
import type { Launcher } from '../launcher/server.ts'

const LOGGING = `rootLogger.level = WARN
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c{1}: %m%n
`

export const elasticsearch: Launcher = {
  async launch({ folder, assets, jars, start }) {
    const { http, transport } = await namedPorts('http', 'transport')
    const home = join(folder, 'home')
    for (const name of ['modules', 'plugins', 'data', 'logs']) await mkdir(join(home, name), { recursive: true })
    const config = await writeConfiguration(join(home, 'config'), { 'log4j2.properties': LOGGING })
    const url = `http://127.0.0.1:${http}`
    await start({
      name: 'node-1',
      command: javaCommand({
        classpath: await jars(),
        main: join(assets, 'EsNode.java'),
        args: [home, String(http), String(transport)],
        heap: 512,
        flags: [
          ...opens('java.base', ['java.io']),
          '-Dlog4j2.disable.jmx=true',
          `-Dlog4j2.configurationFile=${join(config, 'log4j2.properties')}`,
          '-Des.set.netty.runtime.available.processors=false',
        ],
      }),
      ready: {
        kind: 'http',
        url: `${url}/_cluster/health?wait_for_status=yellow&timeout=1s`,
        holds: '"timed_out":false',
      },
    })
    return { elasticsearch: url }
  },
}
