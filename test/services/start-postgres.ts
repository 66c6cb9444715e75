// Starts a home's Postgres, tells its pid and URL, and stays: a Baram that can be interrupted or killed. Run as a process.

import { startEmbeddedPostgres } from '../../services/postgres/index.ts'

const [home = '', nativeDir = '', ...sharedFolders] = process.argv.slice(2)
process.on('SIGINT', () => process.stdout.write('interrupted\n'))
const { pid, url } = await startEmbeddedPostgres({ home, nativeDir, sharedFolders, log: { info() {}, warn() {} } })
process.stdout.write(`${JSON.stringify({ pid, url })}\n`)
setInterval(() => {}, 60_000)
