// Where the installed product lies.

import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { BaramError } from '../core/errors.ts'

function findRoot(from: string): string {
  for (let folder = from; folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json')) && existsSync(join(folder, 'LICENSE'))) return folder
  }
  throw new BaramError('CONFIG_INVALID', `no package.json above ${from}: the product is not installed whole`)
}

/** The folder that holds our package.json, also when we run from `dist/`. */
export const packageRoot: string = findRoot(dirname(fileURLToPath(import.meta.url)))

interface Manifest {
  readonly version: string
}

function readManifest(): Manifest {
  const manifest: unknown = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'))
  // Our own file.
  return manifest as Manifest
}

export const productVersion: string = readManifest().version

/** The built program that runs inside a child. Children are plain `node` processes, so they always run the built form. */
export const childProgram: string = join(packageRoot, 'dist', 'child', 'main.js')

/** The built program of a worker's thread that writes attempt logs. */
export const logThreadProgram: URL = pathToFileURL(join(packageRoot, 'dist', 'worker', 'log-thread.js'))
