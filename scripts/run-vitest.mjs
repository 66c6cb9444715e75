// What the test scripts share: one vitest run, and one closing line that counts its tests.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

function summaryOf(report) {
  const { numPassedTests, numFailedTests, numPendingTests, testResults } = JSON.parse(readFileSync(report, 'utf8'))
  // A file that could not even be loaded (its server did not start) has no tests to count, and must not look like a pass.
  const broken = testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
  ).length
  return { passed: numPassedTests, failed: numFailedTests + broken, skipped: numPendingTests }
}

/**
 * Runs vitest, prints `N passed, N failed` (and `, N skipped` where some were), and ends this process with vitest's status.
 * @param args for vitest, the reporter for people included
 * @param given.env added to this process' own
 * @param given.skipNote told where tests were skipped
 */
export function runVitest(args, { env = {}, skipNote } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'baram-test-'))
  const report = join(folder, 'report.json')
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const { status } = spawnSync(
    process.execPath,
    [vitest, 'run', '--reporter=json', `--outputFile.json=${report}`, ...args],
    { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } },
  )
  try {
    const { passed, failed, skipped } = summaryOf(report)
    if (skipped > 0 && skipNote !== undefined) console.log(`\n${skipNote}`)
    console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  process.exit(status ?? 1)
}
