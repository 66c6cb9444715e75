// What the test scripts share: one vitest run, and one closing line that counts its tests.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
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

/** What the homes, databases and lakes of a whole run take at most, bytes. */
const ROOM = 8 * 1024 ** 3

/** Memory in place of a disk, where it is large and programs may run from it: hundreds of databases are made and dropped. */
function memoryFolder() {
  const probe = `/dev/shm/baram-probe-${process.pid}`
  try {
    const { bavail, bsize } = statfsSync('/dev/shm')
    if (bavail * bsize < ROOM) return null
    writeFileSync(probe, '#!/bin/sh\nexit 0\n', { mode: 0o755 })
    return spawnSync(probe).status === 0 ? '/dev/shm' : null
  } catch {
    return null // No such folder here, or closed to us: the disk does.
  } finally {
    rmSync(probe, { force: true })
  }
}

/**
 * Runs vitest, prints `N passed, N failed` (and `, N skipped` where some were), and ends this process with vitest's status.
 * @param args for vitest, the reporter for people included
 * @param given.projects which of vitest.config.ts run, where `args` name none
 * @param given.env added to this process' own
 * @param given.skipNote told where tests were skipped
 */
export function runVitest(args, { projects, env = {}, skipNote }) {
  const memory = process.env.TMPDIR === undefined ? memoryFolder() : null
  const inMemory = memory === null ? {} : { TMPDIR: memory }
  const folder = mkdtempSync(join(tmpdir(), 'baram-test-'))
  const report = join(folder, 'report.json')
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const chosen = args.some((arg) => /^--project(=|$)/.test(arg)) ? [] : projects.map((name) => `--project=${name}`)
  const { status } = spawnSync(
    process.execPath,
    [vitest, 'run', '--reporter=json', `--outputFile.json=${report}`, ...chosen, ...args],
    { cwd: root, stdio: 'inherit', env: { ...process.env, ...inMemory, ...env } },
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
