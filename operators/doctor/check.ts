// What the doctor finds: a check with its state, and for what is wrong the fix in plain words, English and Korean.

import type { ConnectionContext } from '../connection.ts'

export type CheckState = 'ok' | 'warning' | 'failed' | 'skipped'

/** The same in both languages. */
export interface Fix {
  readonly en: string
  readonly ko: string
}

export interface Check {
  /** What was looked at: `reachable`, `advertised names`. */
  readonly name: string
  readonly state: CheckState
  /** What was found, in one sentence. Without secrets. */
  readonly found: string
  /** Of a warning or a failure. */
  readonly fix?: Fix
}

export interface DoctorOptions {
  /** Of the connection to look at. */
  readonly connId: string
  /** Kafka: tell the topic's partitions. */
  readonly topic?: string
  /** Kafka: and how far this group has read it. */
  readonly group?: string
  /** Write nothing, so what needs writing is skipped. */
  readonly isReadOnly?: boolean
}

/** Looks at one system. Checks come as they are made; one that fails may end the others. */
export type Doctor = (op: ConnectionContext, options: DoctorOptions) => AsyncGenerator<Check>

export const ok = (name: string, found: string): Check => ({ name, state: 'ok', found })
export const skipped = (name: string, found: string): Check => ({ name, state: 'skipped', found })
export const warning = (name: string, found: string, fix: Fix): Check => ({ name, state: 'warning', found, fix })
export const failed = (name: string, found: string, fix: Fix): Check => ({ name, state: 'failed', found, fix })

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** What is thrown becomes a failed check: the adapters' errors say what to do in their own words. */
export async function tried(name: string, fix: Fix, look: () => Promise<Check>): Promise<Check> {
  try {
    return await look()
  } catch (error) {
    return failed(name, textOf(error), fix)
  }
}

/** Seconds that two clocks may differ before dates and leases go wrong. */
const MOST_SKEW_MS = 5_000

/** @param theirs epoch ms, asked between `before` and `after` on this host's clock */
export function clockCheck(whose: string, theirs: number, before: number, after: number): Check {
  const skew = theirs < before ? theirs - before : Math.max(0, theirs - after)
  const seconds = (Math.abs(skew) / 1_000).toFixed(1)
  if (Math.abs(skew) <= MOST_SKEW_MS)
    return ok('clock', `${whose} and this host agree within ${MOST_SKEW_MS / 1_000} s`)
  return warning('clock', `the clock of ${whose} is ${seconds} s ${skew < 0 ? 'behind' : 'ahead of'} this host's`, {
    en: 'Synchronise both hosts by NTP (`timedatectl set-ntp true`); a container has the clock of its host.',
    ko: '두 호스트의 시계를 NTP로 맞추세요(`timedatectl set-ntp true`). 컨테이너의 시계는 호스트의 시계입니다.',
  })
}
