import { defineConfig } from 'vitest/config'
import { alias, here } from './vitest.config.ts'

/** Tests on real servers, one file after another: they share the servers, the two cores and, in part, the failures they cause. */
export default defineConfig({
  resolve: { alias },
  test: {
    name: 'real',
    include: ['test/real/**/*.test.ts'],
    globalSetup: [here('./test/support/global-postgres.ts'), here('./test/support/global-real-servers.ts')],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 300_000,
  },
})
