// What `dagctl init` and `dagctl new` write: small files that are meant to be changed.

import { BaramError } from '../../core/errors.ts'

const DAG_ID = /^[\p{L}\p{N}_.-]{1,250}$/u

/** @throws BaramError INPUT_INVALID */
export function checkDagId(dagId: string): string {
  if (DAG_ID.test(dagId) && !dagId.startsWith('.')) return dagId
  throw new BaramError(
    'INPUT_INVALID',
    `a DAG id has 1 to 250 letters, digits, "_", "." and "-" and does not begin with a dot, found ${JSON.stringify(dagId)}`,
  )
}

/** A DAG to begin with: two tasks, a schedule with a zone, retries. */
export function dagFile(dagId: string, timezone: string): string {
  return `import { cron, Dag, getLogger, getRun } from 'baram'

export const dag = new Dag('${dagId}', {
  schedule: cron('0 6 * * *', { timezone: '${timezone}', interval: true }), // each run covers the day before 06:00
  defaultArgs: { retries: 2, retryDelay: 60 }, // seconds
})

const extract = dag.task('extract', () => {
  const { dataInterval } = getRun()
  getLogger().info({ from: dataInterval?.start, until: dataInterval?.end }, 'extracting')
  return [{ item: 'apple', price: 3200 }]
})

const report = dag.task('report', ({ rows }: { rows: { item: string; price: number }[] }) => ({
  rows: rows.length,
  total: rows.reduce((sum, row) => sum + row.price, 0),
}))

report({ rows: extract() }) // calling draws the graph: extract → report
`
}

const TEST = `import { runDag, runTask } from 'baram/testing'
import { expect, it } from 'vitest'
import { dag } from '../dags/hello.ts'

it('hello runs to its end', async () => {
  const run = await runDag(dag, { date: '2026-03-18' })
  expect(run.state).toBe('success')
  expect(run.xcoms['report']).toEqual({ rows: 1, total: 3200 })
})

it('report adds the prices up', async () => {
  const { value } = await runTask(dag, 'report', { inputs: { rows: [{ item: 'pear', price: 5 }, { item: 'fig', price: 7 }] } })
  expect(value).toEqual({ rows: 2, total: 12 })
})
`

const README = (name: string, tarball: string) => `# ${name}

DAGs for Baram.

\`\`\`sh
npm install
npm run check       # types, graphs and names, with file and line
npm test            # the DAGs, run in one process
npm start           # http://localhost:8080
\`\`\`

\`npx dagctl new prices\` makes another DAG file, \`npx dagctl test hello\` runs one without a server.

Baram is on no registry yet: \`package.json\` depends on \`${tarball}\`, the packed product that made this project. Commit it with the
project. For another version put its tarball here (\`npm pack\` in a clone of Baram), then \`npm install ./<file>\`.
`

const json = (value: object) => `${JSON.stringify(value, null, 2)}\n`

export interface ProjectOptions {
  readonly name: string
  /** IANA name. */
  readonly timezone: string
  /** What `package.json` asks for: the tarball beside it (`file:…`), and versions this product was tested with. */
  readonly versions: {
    readonly baram: string
    readonly typescript: string
    readonly node: string
    readonly vitest: string
  }
}

/** Files of a project of one's own, by path. */
export function projectFiles({ name, timezone, versions }: ProjectOptions): ReadonlyMap<string, string> {
  return new Map([
    [
      'package.json',
      json({
        name,
        private: true,
        type: 'module',
        engines: { node: '>=20.19.0' },
        scripts: { start: 'dagctl standalone', check: 'dagctl check', test: 'vitest run' },
        dependencies: { baram: versions.baram },
        devDependencies: { '@types/node': versions.node, typescript: versions.typescript, vitest: versions.vitest },
      }),
    ],
    [
      'tsconfig.json',
      json({
        compilerOptions: {
          target: 'es2022',
          lib: ['es2023'],
          module: 'nodenext',
          strict: true,
          noEmit: true,
          allowImportingTsExtensions: true,
          skipLibCheck: true,
          types: ['node'],
        },
        include: ['dags', 'test'],
      }),
    ],
    ['dags/hello.ts', dagFile('hello', timezone)],
    ['test/hello.test.ts', TEST],
    ['.gitignore', 'node_modules/\n.baram/\n'],
    ['README.md', README(name, versions.baram.replace('file:', ''))],
  ])
}
