// Builds the product into dist/: tsc for our own code, then the browser's part. Skips what is up to date.

import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, readdirSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const at = (path) => fileURLToPath(new URL(path, import.meta.url))
const node = (...args) => execFileSync(process.execPath, args, { stdio: 'inherit', cwd: at('..') })

/** tsc leaves what it once made of a file that has moved: it would be packed, and imports of it would work on this machine alone. */
function removeOrphans() {
  if (!existsSync(at('../dist'))) return
  for (const file of readdirSync(at('../dist'), { recursive: true, encoding: 'utf8' })) {
    // A declaration file is tsc's; the browser's part has none.
    if (!file.endsWith('.d.ts')) continue
    const made = file.slice(0, -'.d.ts'.length)
    if (existsSync(at(`../${made}.ts`))) continue
    for (const end of ['.d.ts', '.js', '.js.map']) rmSync(at(`../dist/${made}${end}`), { force: true })
  }
}

removeOrphans()
node(at('../node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json')
if (existsSync(at('build-web.mjs'))) node(at('build-web.mjs'))
// Applications for Spark: files of pipelines that tsc does not make.
for (const file of readdirSync(at('../pipelines'), { recursive: true, encoding: 'utf8' }))
  if (file.endsWith('.py')) cpSync(at(`../pipelines/${file}`), at(`../dist/pipelines/${file}`))
chmodSync(at('../dist/cli/main.js'), 0o755)
