// Peers are no dependency of the product: they are installed into a cache, at exact versions, and again when those change.

import { execFile } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const pinned = (file) => readFileSync(join(here, file), 'utf8')

/** By package, of the peers that are npm packages. */
export const versions = JSON.parse(pinned('package.json')).dependencies

/** `BARAM_BENCH_PEERS`; default the user's cache. */
export const cacheFolder = () => process.env.BARAM_BENCH_PEERS ?? join(homedir(), '.cache', 'baram-bench', 'peers')

/** @throws Error with the last lines that the program printed */
function run(program, args) {
  return new Promise((resolve, reject) => {
    execFile(program, args, { maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout)
      const said = `${stdout}${stderr}`.trim().split('\n').slice(-3).join(' ') || error.message
      reject(new Error(`${program} ${args[0]}: ${said}`))
    })
  })
}

/** Runs `install` in an empty folder of the cache unless it has run there for the same pins. */
async function once(name, pins, install) {
  const folder = join(cacheFolder(), name)
  const mark = join(folder, '.installed')
  if (existsSync(mark) && readFileSync(mark, 'utf8') === pins) return folder
  console.log(`installing ${name} …`)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  await install(folder)
  writeFileSync(mark, pins)
  return folder
}

/** The npm packages; the folder that has `node_modules`. */
export const installLibraries = () =>
  once('node', pinned('package-lock.json'), async (folder) => {
    for (const file of ['package.json', 'package-lock.json']) copyFileSync(join(here, file), join(folder, file))
    await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', folder])
  })

/** A virtual environment with Airflow; its folder. */
export const installAirflow = () =>
  once('airflow', pinned('airflow-requirements.txt'), async (folder) => {
    await run('python3', ['-m', 'venv', folder])
    const pip = join(folder, 'bin', 'pip')
    await run(pip, ['install', '--quiet', '--no-deps', '-r', join(here, 'airflow-requirements.txt')])
  })
