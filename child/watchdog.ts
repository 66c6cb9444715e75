// A thread of its own inside each child: it dies with its supervisor even when users' code blocks the event loop.
// The supervisor sends a byte a second on fd 4; end of file, or 4 s of silence, ends the whole process group.

import { Socket } from 'node:net'

/** RELIABILITY rule 8: watchdog 4 s < self-fence 6 s < lease 10 s. */
const SILENCE_MS = 4_000

function dieWithGroup(): never {
  try {
    process.kill(-process.pid, 'SIGKILL')
  } catch {
    // Not a group leader (started by hand): then only this process is ours to end.
  }
  process.kill(process.pid, 'SIGKILL')
  throw new Error('unreachable: the process was killed')
}

// A socket rather than fs.read: epoll, not the thread pool that users' code may fill.
const pipe = new Socket({ fd: 4, readable: true, writable: false })
let timer = setTimeout(dieWithGroup, SILENCE_MS)
pipe.on('data', () => {
  clearTimeout(timer)
  timer = setTimeout(dieWithGroup, SILENCE_MS)
})
pipe.on('end', dieWithGroup)
pipe.on('error', dieWithGroup)
