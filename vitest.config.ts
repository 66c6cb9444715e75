import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

export const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
export const alias = [
  { find: /^baram\/(operators|pipelines)\/([a-z-]+)$/, replacement: here('./$1/$2/index.ts') },
  { find: /^baram\/operators$/, replacement: here('./operators/index.ts') },
  { find: /^baram\/testing$/, replacement: here('./testing/index.ts') },
  { find: /^baram$/, replacement: here('./sdk/index.ts') },
  {
    find: /^(@apache-airflow\/ts-sdk|apache-airflow-ts-sdk)(\/coordinator)?$/,
    replacement: here('./sdk/facade/index.ts'),
  },
  { find: /^(@apache-airflow\/ts-sdk|apache-airflow-ts-sdk)\/hitl$/, replacement: here('./sdk/facade/hitl.ts') },
]

/** Tests that only compute share one thread pool without isolation (fast); those with processes and servers get forks of their own. */
export default defineConfig({
  test: {
    projects: [
      {
        resolve: { alias },
        test: {
          name: 'unit',
          include: ['test/{child,core,sdk,testing,runtime,operators,pipelines,house,oracle}/**/*.test.ts'],
          pool: 'threads',
          isolate: false,
          // A loaded machine is slow, never wrong: the limit only ends what hangs.
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        resolve: { alias },
        test: {
          name: 'system',
          globalSetup: [here('./test/support/global-postgres.ts')],
          include: ['test/{store,engine,scheduler,worker,webserver,services,cli,e2e,browser}/**/*.test.ts'],
          pool: 'forks',
          // What a file shares with the next one is the code it loads: a fifth of the time goes into loading it.
          isolate: false,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
