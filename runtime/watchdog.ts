// A thread of its own inside each child, the supervisor's hand there: the child dies with its supervisor even when users'
// code blocks its event loop, and what an attempt left running is ended from here. Started by path (child/main.ts).
//
// The supervisor sends on fd 4: a dot a second, and an `s` when an attempt that has started processes is over. The answer
// to that is a line with how many were still there. End of file, or 4 s of silence, ends everything this child has
// started, and then its own process group.

import { Socket } from 'node:net'
import { parentPort } from 'node:worker_threads'
import { CHILD_MARK } from '../core/protocol.ts'
import { endDescendants, readProcess } from './descendants.ts'

/** docs/reliability.md rule 8: watchdog 4 s < self-fence 6 s < lease 10 s. */
const SILENCE_MS = 4_000
/** Descendants first, for then nobody is left to look for them; but not for long: the child itself runs on meanwhile. */
const LAST_SWEEP_MS = 500
const SWEEP_MS = 2_000

// The child's own environment, as its supervisor made it.
const mark = process['env'][CHILD_MARK] ?? ''
const family = { pid: process.pid, startTicks: readProcess(process.pid)?.startTicks ?? 0, mark }

function dieWithGroup(): never {
  try {
    process.kill(-process.pid, 'SIGKILL')
  } catch {
    // Not a group leader (started by hand): then only this process is ours to end.
  }
  process.kill(process.pid, 'SIGKILL')
  throw new Error('unreachable: the process was killed')
}

let isDying = false
function die(): void {
  if (isDying) return
  isDying = true
  void endDescendants(family, { limitMs: LAST_SWEEP_MS, isPatient: false }).finally(dieWithGroup)
}

// A socket rather than fs.read: epoll, not the thread pool that users' code may fill.
const pipe = new Socket({ fd: 4, readable: true, writable: true })
let timer = setTimeout(die, SILENCE_MS)
pipe.on('data', (bytes: Buffer) => {
  clearTimeout(timer)
  timer = setTimeout(die, SILENCE_MS)
  if (bytes.includes('s'))
    void endDescendants(family, { limitMs: SWEEP_MS, isPatient: true }).then((count) => pipe.write(`${count}\n`))
})
pipe.on('end', die)
parentPort?.on('message', die)
pipe.on('error', die)
