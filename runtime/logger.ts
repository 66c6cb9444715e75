// The processes' own log: pino, injected, fields first and then a constant sentence.

import { type DestinationStream, type Level, type Logger, pino } from 'pino'

export type { DestinationStream, Logger } from 'pino'

/** Paths whose values never reach the log, whoever logs them. */
const REDACT = [
  'password',
  '*.password',
  'secret',
  '*.secret',
  'token',
  '*.token',
  'authorization',
  '*.authorization',
  'extra',
  '*.extra',
  'databaseUrl',
]

/** Lines that wait for a disk that is full, characters: later ones are dropped rather than kept without end. */
const MAX_WAITING = 1_048_576

/** A log file that is closed to others. A full disk costs lines, never the process that writes them. */
export function logFile(path: string): DestinationStream {
  const file = pino.destination({ dest: path, append: true, mode: 0o600, sync: true, maxLength: MAX_WAITING })
  file.on('error', () => undefined) // What it holds is written with the next line that can be.
  return file
}

const standardError = () => pino.destination({ dest: 2, sync: true })
const optionsOf = (name: string, level: string) => ({
  name,
  level,
  redact: { paths: REDACT, censor: '***' },
  base: { name, pid: process.pid },
})

export function makeLogger(name: string, level: string, destination: DestinationStream = standardError()): Logger {
  return pino(optionsOf(name, level), destination)
}

/** For who talks on a terminal: what matters there, and everything in a file, for the terminal may be gone. */
export function makeTerminalLogger(name: string, level: string, path: string): Logger {
  const shown = level === 'info' ? 'warn' : level
  return pino(
    optionsOf(name, level),
    // Both are levels of pino: it has just taken the one, and the other is a constant.
    pino.multistream([
      { level: shown as Level, stream: standardError() },
      { level: level as Level, stream: logFile(path) },
    ]),
  )
}
