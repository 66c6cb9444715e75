// `npm test` after build and check: every test that needs no outside server, and one closing line that counts them.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'baram-test-'))
const report = join(folder, 'report.json')

const hasChromium = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].some(existsSync)
if (!hasChromium) console.log('\nNO CHROMIUM FOUND: the browser tests are skipped (Debian: apt-get install chromium)\n')

const { status } = spawnSync(
  process.execPath,
  [
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: 'inherit' },
)
try {
  const { numPassedTests, numFailedTests, numPendingTests, testResults } = JSON.parse(readFileSync(report, 'utf8'))
  // A file that could not even be loaded has no tests to count, and must not look like a pass.
  const broken = testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
  ).length
  console.log(
    `\n${numPassedTests} passed, ${numFailedTests + broken} failed${numPendingTests > 0 ? `, ${numPendingTests} skipped` : ''}`,
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}
process.exit(status ?? 1)
