// A real Prometheus: Debian's, with the rules of monitoring/. What it reads is told to it while it runs, in a file of targets.
// An alert waits a second where the shipped rule waits minutes: nobody waits for that in a test.

import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { packageRoot } from '../../runtime/paths.ts'
import { namedPorts } from '../launcher/ports.ts'
import { runToEnd } from '../launcher/programs.ts'
import type { Launcher } from '../launcher/server.ts'

/** Looks often: a test waits for what it sees. */
const SETTINGS = `
global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
rule_files: ['rules/*.yml']
scrape_configs:
  - job_name: baram
    file_sd_configs: [{ files: ['targets.json'], refresh_interval: 1s }]
`

async function copyRules(from: string, to: string): Promise<void> {
  await mkdir(to)
  for (const name of await readdir(from)) {
    const text = await readFile(join(from, name), 'utf8')
    await writeFile(join(to, name), text.replaceAll(/^( +for:) \d+m$/gm, '$1 1s'))
  }
}

export const prometheus: Launcher = {
  async launch({ folder, start }) {
    await runToEnd(
      { program: 'prometheus', args: ['--version'] },
      'install it (Debian: apt-get install prometheus; its service need not run)',
    )
    const { port } = await namedPorts('port')
    await copyRules(join(packageRoot, 'monitoring', 'rules'), join(folder, 'rules'))
    await writeFile(join(folder, 'prometheus.yml'), SETTINGS)
    await writeFile(join(folder, 'targets.json'), '[]')
    const options = {
      'config.file': join(folder, 'prometheus.yml'),
      'storage.tsdb.path': join(folder, 'data'),
      'web.listen-address': `127.0.0.1:${port}`,
    }
    await start({
      name: 'prometheus',
      command: { program: 'prometheus', args: Object.entries(options).map(([name, value]) => `--${name}=${value}`) },
      ready: { kind: 'http', url: `http://127.0.0.1:${port}/-/ready` },
    })
    return { prometheus: `http://127.0.0.1:${port}`, targets: join(folder, 'targets.json') }
  },
}
