// A real Redis: Debian's redis-server, in memory only.

import { namedPorts } from '../launcher/ports.ts'
import { runToEnd } from '../launcher/programs.ts'
import type { Launcher } from '../launcher/server.ts'

export const redis: Launcher = {
  async launch({ folder, start }) {
    await runToEnd(
      { program: 'redis-server', args: ['--version'] },
      'install it (Debian: apt-get install redis-server)',
    )
    const { port } = await namedPorts('port')
    const options = { port, bind: '127.0.0.1', save: '', appendonly: 'no', dir: folder, 'protected-mode': 'yes' }
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
    await start({
      name: 'redis',
      command: { program: 'redis-server', args },
      ready: { kind: 'tcp', port, send: 'PING\r\n', holds: '+PONG' },
    })
    return { redis: `redis://127.0.0.1:${port}` }
  },
}
