// A real PostgreSQL for tests that need one on TCP: the packaged binaries, with a port, a password and a data folder of its own.

import { join } from 'node:path'
import { namedPorts } from '../launcher/ports.ts'
import type { Launcher } from '../launcher/server.ts'
import { findBinaries, prepareBinaries } from './binaries.ts'
import { ensureCluster, keepPasswords } from './cluster.ts'
import { chooseLocation, makeSharedFolder, SHARED_FOLDERS } from './location.ts'

export const postgres: Launcher = {
  async launch({ folder, start }) {
    const packaged = findBinaries()
    const { location, runAs } = await chooseLocation(folder, packaged.majorVersion)
    const native = await prepareBinaries(packaged, runAs, () => makeSharedFolder(SHARED_FOLDERS, runAs))
    const passwords = await keepPasswords(folder)
    await ensureCluster(native, location, packaged.majorVersion, runAs, passwords)
    const { port } = await namedPorts('port')
    const settings = { listen_addresses: '127.0.0.1', port, unix_socket_directories: '', fsync: 'off', timezone: 'UTC' }
    await start({
      name: 'postgres',
      command: {
        program: join(native, 'bin', 'postgres'),
        args: [
          '-D',
          location.dataDir,
          ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
        ],
        cwd: '/',
        ...(runAs !== null && { runAs }),
      },
      ready: { kind: 'log', holds: 'database system is ready to accept connections' },
      // The fast shutdown; SIGTERM would wait for every client to leave.
      stopSignal: 'SIGINT',
    })
    return { url: `postgresql://lake:${passwords.lake}@127.0.0.1:${port}/lake` }
  },
}
