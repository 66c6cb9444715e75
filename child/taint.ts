// Whether an attempt left something behind that the next one would meet: then the child is replaced.

export interface Traces {
  readonly cwd: string
  readonly env: string
  readonly prototypes: number
  readonly listeners: number
  readonly timers: number
}

const PROTOTYPES: readonly object[] = [
  Object.prototype,
  Array.prototype,
  Function.prototype,
  Promise.prototype,
  String.prototype,
]
const WATCHED_EVENTS = [
  'SIGTERM',
  'SIGINT',
  'exit',
  'beforeExit',
  'uncaughtException',
  'unhandledRejection',
  'message',
] as const

/** A look at everything one attempt could do to the next: folder, environment, prototypes, listeners, timers. */
export function takeTraces(): Traces {
  let timers = 0
  for (const name of process.getActiveResourcesInfo()) if (name === 'Timeout' || name === 'Immediate') timers++
  return {
    cwd: process.cwd(),
    // The child's own environment: compared, never read for settings.
    env: JSON.stringify(process['env']),
    prototypes: PROTOTYPES.reduce((sum, prototype) => sum + Reflect.ownKeys(prototype).length, 0),
    listeners: WATCHED_EVENTS.reduce((sum, event) => sum + process.listenerCount(event), 0),
    timers,
  }
}

export function isTainted(before: Traces, after: Traces): boolean {
  return (
    before.cwd !== after.cwd ||
    before.env !== after.env ||
    before.prototypes !== after.prototypes ||
    before.listeners !== after.listeners ||
    after.timers > before.timers
  )
}
