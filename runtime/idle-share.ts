// What the machine's processors have left.

import { cpus } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

/** Looks at the machine's processors. */
export class IdleShare {
  private before = IdleShare.read()

  private static read(): { readonly idle: number; readonly all: number } {
    const times = cpus().map((cpu) => cpu.times)
    const idle = times.reduce((sum, time) => sum + time.idle, 0)
    return { idle, all: idle + times.reduce((sum, { user, nice, sys, irq }) => sum + user + nice + sys + irq, 0) }
  }

  /** Since the last call, 0 to 1; 0 before the clocks have moved. */
  take(): number {
    const now = IdleShare.read()
    const [idle, all] = [now.idle - this.before.idle, now.all - this.before.all]
    this.before = now
    return all > 0 ? idle / all : 0
  }
}

/** More than half of the machine is left: who comes now is in nobody's way. */
const CALM_SHARE = 0.5
/** Long enough to see more than a pause between two tasks, ms. */
const CALM_LOOK_MS = 2_000

/** Waits until processors are calm, at most so long. @throws the signal's reason */
export async function untilCalm(atMostMs: number, signal: AbortSignal): Promise<void> {
  const idleShare = new IdleShare()
  for (let waited = 0; waited < atMostMs; waited += CALM_LOOK_MS) {
    await sleep(Math.min(CALM_LOOK_MS, atMostMs - waited), undefined, { signal })
    if (idleShare.take() >= CALM_SHARE) return
  }
}
