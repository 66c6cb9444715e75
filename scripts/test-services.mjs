// `npm run test:services`: the tests that need real servers (Kafka, HDFS, Hive …), and one closing line that counts them.
// `-- --full` runs them at full size; all other arguments go to vitest.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'baram-test-'))
const report = join(folder, 'report.json')
const isFull = process.argv.includes('--full')

const { status } = spawnSync(
  process.execPath,
  [
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--config=vitest.real.config.ts',
    '--reporter=verbose',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...process.argv.slice(2).filter((argument) => argument !== '--full'),
  ],
  { cwd: root, stdio: 'inherit', env: { ...process.env, ...(isFull && { BARAM_SIZES: 'full' }) } },
)
try {
  const { numPassedTests, numFailedTests, numPendingTests, testResults } = JSON.parse(readFileSync(report, 'utf8'))
  // A file that could not even be loaded (its server did not start) has no tests to count, and must not look like a pass.
  const broken = testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
  ).length
  if (numPendingTests > 0) console.log('\nSKIPPED: some servers are missing on this machine (see NOT RUN above)')
  console.log(
    `\n${numPassedTests} passed, ${numFailedTests + broken} failed${numPendingTests > 0 ? `, ${numPendingTests} skipped` : ''}`,
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}
process.exit(status ?? 1)
