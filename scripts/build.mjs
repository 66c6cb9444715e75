// Builds the product into dist/: tsc for our own code, then the browser's part. Skips what is up to date.

import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const at = (path) => fileURLToPath(new URL(path, import.meta.url))
const node = (...args) => execFileSync(process.execPath, args, { stdio: 'inherit', cwd: at('..') })

node(at('../node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json')
if (existsSync(at('build-web.mjs'))) node(at('build-web.mjs'))
chmodSync(at('../dist/cli/main.js'), 0o755)
