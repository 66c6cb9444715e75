// The processes' own log: pino, injected, fields first and then a constant sentence.

import { type Logger, pino } from 'pino'

export type { Logger } from 'pino'

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

export function makeLogger(
  name: string,
  level: string,
  destination: NodeJS.WritableStream | undefined = undefined,
): Logger {
  const options = { name, level, redact: { paths: REDACT, censor: '***' }, base: { name, pid: process.pid } }
  return destination === undefined
    ? pino(options, pino.destination({ dest: 2, sync: true }))
    : pino(options, destination)
}
