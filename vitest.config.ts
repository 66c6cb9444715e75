import { fileURLToPath } from 'node:url'
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const alias = [
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

const project = (test: TestProjectInlineConfiguration['test']): TestProjectInlineConfiguration => ({
  resolve: { alias },
  ...(test !== undefined && { test }),
})

/** Only compute: one thread pool without isolation, which is fast. `npm test` */
const unit = project({
  name: 'unit',
  include: ['test/{child,core,sdk,testing,runtime,operators,pipelines,house,oracle}/**/*.test.ts'],
  pool: 'threads',
  isolate: false,
  // A loaded machine is slow, never wrong: the limit only ends what hangs.
  testTimeout: 30_000,
  sequence: { groupOrder: 0 },
})

/** Start processes and a Postgres: forks of their own. `npm test` */
const system = project({
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
})

/** On real servers, one file after another: they share the servers, the two cores and, in part, the failures they cause. `npm run test:services` */
const real = project({
  name: 'real',
  include: ['test/real/**/*.test.ts'],
  globalSetup: [here('./test/support/global-postgres.ts'), here('./test/support/global-real-servers.ts')],
  pool: 'forks',
  fileParallelism: false,
  sequence: { groupOrder: 2 },
  testTimeout: 120_000,
  hookTimeout: 300_000,
})

/** Kill tests of sinks, one file after another: each keeps the two cores busy with the processes it kills. `npm run verify:sinks` */
const sinks = project({
  name: 'sinks',
  include: ['test/sinks/*.test.ts'],
  globalSetup: [here('./test/sinks/global-program.ts')],
  pool: 'forks',
  fileParallelism: false,
  sequence: { groupOrder: 3 },
  // What a kill point costs is a process; the limit only ends what hangs.
  testTimeout: 1_800_000,
  hookTimeout: 300_000,
})

export default defineConfig({ test: { projects: [unit, system, real, sinks] } })
