// Progress of a running application by the REST API of its driver: jobs, stages, tasks and rows, told in the log when they change.

import type { TaskLogger } from '../../sdk/index.ts'
import { askJson, countOf, type Json, objectsOf, textOf } from './fetch-json.ts'

/** Marks the driver of this attempt: another one may listen on the port that was meant for ours. */
export const MARK = 'spark.baram.attempt'

/** Between two lines that tell of tasks only. */
const TASKS_MS = 5_000

export interface Stage {
  readonly id: number
  readonly name: string
  readonly status: string
  readonly tasks: number
  readonly tasksDone: number
  readonly tasksFailed: number
  readonly inputRows: number
  readonly inputBytes: number
  readonly outputRows: number
  readonly outputBytes: number
}

/** As last seen: the API ends with the driver. */
export interface Progress {
  readonly applicationId: string
  readonly jobs: number
  readonly stages: readonly Stage[]
}

function stageOf(told: Json): Stage {
  return {
    id: countOf(told['stageId']),
    name: textOf(told['name']),
    status: textOf(told['status']),
    tasks: countOf(told['numTasks']),
    tasksDone: countOf(told['numCompleteTasks']),
    tasksFailed: countOf(told['numFailedTasks']),
    inputRows: countOf(told['inputRecords']),
    inputBytes: countOf(told['inputBytes']),
    outputRows: countOf(told['outputRecords']),
    outputBytes: countOf(told['outputBytes']),
  }
}

const sumOf = (stages: readonly Stage[], count: (stage: Stage) => number) =>
  stages.reduce((sum, stage) => sum + count(stage), 0)

/** What a line of the log has. */
export function summaryOf({ jobs, stages }: Progress) {
  const ran = stages.filter((stage) => stage.status !== 'SKIPPED')
  return {
    jobs,
    stages: ran.length,
    stagesDone: ran.filter((stage) => stage.status === 'COMPLETE').length,
    tasks: sumOf(ran, (stage) => stage.tasks),
    tasksDone: sumOf(ran, (stage) => stage.tasksDone),
    tasksFailed: sumOf(ran, (stage) => stage.tasksFailed),
    inputRows: sumOf(ran, (stage) => stage.inputRows),
    outputRows: sumOf(ran, (stage) => stage.outputRows),
  }
}

export class ProgressWatch {
  readonly #log: Pick<TaskLogger, 'info' | 'debug'>
  readonly #mark: string
  /** Addresses whose driver is ours. */
  readonly #proven = new Map<string, string>()
  readonly #silent = new Set<string>()
  #last: Progress | null = null
  #told = ''
  #toldAt = Number.NEGATIVE_INFINITY

  /** `mark`: the value of `MARK` in the settings of the application. */
  constructor(log: Pick<TaskLogger, 'info' | 'debug'>, mark: string) {
    this.#log = log
    this.#mark = mark
  }

  get last(): Progress | null {
    return this.#last
  }

  /** One look at the driver that may be there. It never throws: progress is not what a task fails for. */
  async look(driver: string): Promise<void> {
    try {
      const applicationId = this.#proven.get(driver) ?? (await this.#prove(driver))
      if (applicationId === null) return
      const api = `${driver}/api/v1/applications/${applicationId}`
      const [jobs, stages] = await Promise.all([askJson(`${api}/jobs`), askJson(`${api}/stages`)])
      this.#last = {
        applicationId,
        jobs: objectsOf(jobs).length,
        stages: objectsOf(stages)
          .map(stageOf)
          .sort((a, b) => a.id - b.id),
      }
      this.#tell(this.#last)
    } catch (error) {
      this.#tellSilence(driver, error)
    }
  }

  /** Once an address: a driver is silent while it starts, and may be for ever behind a filter. */
  #tellSilence(driver: string, error: unknown): void {
    if (this.#silent.has(driver)) return
    this.#silent.add(driver)
    const reason = error instanceof Error ? error.message : String(error)
    this.#log.debug({ driver, reason }, 'the REST API of the driver does not answer yet')
  }

  async #prove(driver: string): Promise<string | null> {
    const [application] = objectsOf(await askJson(`${driver}/api/v1/applications`))
    const id = textOf(application?.['id'])
    if (!/^[\w.-]+$/.test(id)) return null
    const { sparkProperties } = (await askJson(`${driver}/api/v1/applications/${id}/environment`)) as Json
    const isOurs = (Array.isArray(sparkProperties) ? (sparkProperties as unknown[]) : []).some(
      (pair) => Array.isArray(pair) && pair[0] === MARK && pair[1] === this.#mark,
    )
    if (!isOurs) return null
    this.#proven.set(driver, id)
    return id
  }

  #tell(progress: Progress): void {
    const { stages, stagesDone, ...summary } = summaryOf(progress)
    if (stages === 0) return
    const [big, small] = [`${stages} ${stagesDone}`, `${summary.tasks} ${summary.tasksDone} ${summary.tasksFailed}`]
    const now = performance.now()
    const isNews =
      !this.#told.startsWith(`${big};`) || (this.#told !== `${big};${small}` && now - this.#toldAt > TASKS_MS)
    if (!isNews) return
    this.#told = `${big};${small}`
    this.#toldAt = now
    this.#log.info(
      { application: progress.applicationId, stages, stagesDone, ...summary },
      `${stagesDone} of ${stages} stages, ${summary.tasksDone} of ${summary.tasks} tasks done`,
    )
  }
}
