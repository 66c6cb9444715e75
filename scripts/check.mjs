// `npm run check`: style, types, floors and dead code. Two lanes at once; what a lane says is printed when it is through.

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const LANES = [['lint'], ['types', 'floors', 'deadcode']]

function run(script) {
  return new Promise((resolve) => {
    let said = ''
    const child = spawn('npm', ['run', '--silent', script], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => {
        said += text
      })
    child.on('error', (error) => resolve({ said: String(error), isGood: false }))
    child.on('close', (code) => resolve({ said, isGood: code === 0 }))
  })
}

/** In order; the first that fails ends its lane. */
async function lane(scripts) {
  for (const script of scripts) {
    const { said, isGood } = await run(script)
    if (said.trim() !== '') console.log(said.trimEnd())
    if (!isGood) {
      console.error(`npm run ${script}: failed`)
      return false
    }
  }
  return true
}

const ends = await Promise.all(LANES.map(lane))
process.exit(ends.every(Boolean) ? 0 : 1)
