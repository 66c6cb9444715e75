// Takes the lock of a home, tells how that went, and keeps it until its standard input ends. Run as a process.

import { acquireHomeLock } from '../../services/home-lock.ts'

const home = process.argv[2] ?? ''
try {
  const lock = await acquireHomeLock(home)
  process.stdout.write('won\n')
  process.stdin.on('end', () => void lock.release())
  process.stdin.resume()
} catch (error) {
  process.stdout.write(`lost ${error instanceof Error ? error.message : 'unknown'}\n`)
}
