// A run as it goes: each change of its tasks on a line, until it ends.

import { setTimeout as sleep } from 'node:timers/promises'
import { BaramError, notFound } from '../core/errors.ts'
import { isRunFinished } from '../core/states.ts'
import type { Deployment, InstanceView, RunView } from './deployment/deployment.ts'
import { moment } from './moment.ts'
import { hasReader, tell } from './output.ts'
import { colorOfState } from './state-colors.ts'
import { style } from './style.ts'

/** Instances that are watched at most. */
const MOST = 10_000
/** A server that restarts, a laptop that changes its network: so long a silence is waited out, ms. */
const SILENCE_MS = 60_000
/** Moves that say nothing new. */
const SILENT = new Set<string | null>([null, 'scheduled'])

const nameOf = ({ taskId, mapIndex }: InstanceView): string => (mapIndex < 0 ? taskId : `${taskId}[${mapIndex}]`)

function line(ti: InstanceView): string {
  const at = moment(ti.endDate ?? ti.startDate, ti.timezone)
  const when = at === '' ? '' : `${process.stderr.isTTY ? at.local() : at.toString()} `
  const again = ti.tryNumber > 1 ? `, try ${ti.tryNumber}` : ''
  return `${style.dim(when)}${nameOf(ti)} ${colorOfState(ti.state ?? '')(ti.state ?? 'none')}${again}`
}

/** What was told already. */
class Told {
  private readonly states = new Map<string, string>()

  tellChanges(rows: readonly InstanceView[]): void {
    for (const ti of rows) {
      const now = `${ti.state} ${ti.tryNumber}`
      if (this.states.get(nameOf(ti)) === now) continue
      this.states.set(nameOf(ti), now)
      if (!SILENT.has(ti.state)) tell(line(ti))
    }
  }
}

const isSilence = (error: unknown): boolean =>
  error instanceof BaramError && (error.code === 'SERVER_UNREACHABLE' || error.code === 'SERVER_FAILED')

/** Calls again through a silence of the server; any other error, and a longer silence, is the caller's. */
async function throughSilence<T>(call: () => Promise<T>, pauseMs: number): Promise<T> {
  for (const start = performance.now(); ; await sleep(pauseMs)) {
    try {
      return await call()
    } catch (error) {
      if (!isSilence(error) || performance.now() - start > SILENCE_MS) throw error
      tell(style.yellow(`${error instanceof Error ? error.message : ''}; still watching`))
    }
  }
}

/**
 * Tells the changes on standard error.
 * @returns the run once it has ended; null when nobody reads any more
 * @throws BaramError NOT_FOUND when it is deleted meanwhile
 */
export async function watchRun(
  { dags, runs, instances }: Deployment,
  { dagId, runId }: RunView,
  pauseMs: number,
): Promise<RunView | null> {
  const told = new Told()
  const dag = await dags.find(dagId)
  if (dag?.isPaused === true)
    tell(style.yellow(`${dagId} is paused: its runs wait until \`dagctl dags unpause ${dagId}\``))
  const look = async () => {
    const run = await runs.find(dagId, runId)
    if (run === null) throw notFound('dag_run', { dagId, runId }, 'it was deleted while it was watched')
    told.tellChanges((await instances.list(run, MOST)).rows)
    return run
  }
  for (; hasReader(); await sleep(pauseMs)) {
    const run = await throughSilence(look, pauseMs)
    if (isRunFinished(run.state)) return run
  }
  return null
}
