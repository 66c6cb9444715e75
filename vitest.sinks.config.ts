import { defineConfig } from 'vitest/config'
import { alias, here } from './vitest.config.ts'

/** Kill tests of sinks, one file after another: each keeps the two cores busy with the processes it kills. */
export default defineConfig({
  resolve: { alias },
  test: {
    name: 'sinks',
    include: ['test/sinks/*.test.ts'],
    globalSetup: [here('./test/sinks/global-program.ts')],
    pool: 'forks',
    fileParallelism: false,
    // What a kill point costs is a process; the limit only ends what hangs.
    testTimeout: 1_800_000,
    hookTimeout: 300_000,
  },
})
