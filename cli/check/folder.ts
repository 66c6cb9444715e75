// What only shows when the whole folder is seen: ids declared twice, pools and DAGs that nobody has; and settings of the
// environment that DAG files do not get.

import type { SerializedDag, SerializedTask } from '../../core/serialized.ts'
import { findLine } from '../../scheduler/locate.ts'
import type { CheckFault } from './fault.ts'
import type { ReadFile } from './read-files.ts'

export interface Known {
  /** Null when no database could be asked. */
  readonly pools: ReadonlySet<string> | null
  /** Ids of DAGs that the deployment has besides those of the folder. */
  readonly dagIds: ReadonlySet<string>
  /** Names that a DAG file finds in its environment. */
  readonly environment: ReadonlySet<string>
}

const quoted = (text: string) => new RegExp(`['"\`]${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}['"\`]`)

/** A fault at the first place of a quoted text, after `key` if it stands there. */
function faultAt(read: ReadFile, text: string, key: string, fault: Omit<CheckFault, 'file' | 'line' | 'column'>) {
  const keyed = new RegExp(`${key}\\W{1,3}${quoted(text).source}`)
  const place = findLine(read.source, keyed) ?? findLine(read.source, quoted(text)) ?? { line: null, column: null }
  return { file: read.file.name, ...place, ...fault }
}

function duplicateIds(files: readonly ReadFile[]): CheckFault[] {
  const first = new Map<string, string>()
  return files.flatMap((read) =>
    read.dags.flatMap(({ dagId }) => {
      const other = first.get(dagId)
      if (other === undefined) first.set(dagId, read.file.name)
      return other === undefined
        ? []
        : [
            faultAt(read, dagId, 'Dag', {
              code: 'DAG_DUPLICATE',
              message: `DAG "${dagId}" is declared in ${other} already; give one of the two another id`,
              level: 'error',
            }),
          ]
    }),
  )
}

function unknownPools(read: ReadFile, pools: ReadonlySet<string>): CheckFault[] {
  const named = read.dags.flatMap((dag) => dag.tasks.map((task) => ({ dag, task })))
  return named.flatMap(({ dag, task }) =>
    pools.has(task.pool)
      ? []
      : [
          faultAt(read, task.pool, 'pool', {
            code: 'POOL_UNKNOWN',
            message:
              `Dag "${dag.dagId}", task "${task.taskId}": there is no pool "${task.pool}", so the task would wait for ` +
              `ever; make it on the page of pools, or name one of ${[...pools].join(', ')}`,
            level: 'error',
          }),
        ],
  )
}

/** Which DAG an operator of ours waits for or starts. */
function targetOf({ operator, options }: SerializedTask): { key: string; dagId: string } | null {
  const key = { TriggerDagRunOperator: 'dagId', ExternalTaskSensor: 'externalDagId' }[operator]
  const dagId = key === undefined ? undefined : options[key]
  // A template is known only when it runs.
  return key === undefined || typeof dagId !== 'string' || dagId.includes('{{') ? null : { key, dagId }
}

function unknownTargets(read: ReadFile, dags: ReadonlyMap<string, SerializedDag>, known: Known): CheckFault[] {
  return read.dags.flatMap((dag) =>
    dag.tasks.flatMap((task): CheckFault[] => {
      const target = targetOf(task)
      if (target === null) return []
      const where = `Dag "${dag.dagId}", task "${task.taskId}"`
      const found = dags.get(target.dagId)
      if (found === undefined && !known.dagIds.has(target.dagId))
        return [
          faultAt(read, target.dagId, target.key, {
            code: 'DAG_UNKNOWN',
            message: `${where}: there is no DAG "${target.dagId}" in this folder; correct ${target.key}, unless another folder has it`,
            level: 'warning',
          }),
        ]
      const { externalTaskId, externalTaskIds } = task.options
      const wanted = [
        externalTaskId,
        ...(Array.isArray(externalTaskIds) ? (externalTaskIds as readonly unknown[]) : []),
      ]
      const missing = wanted.filter((id): id is string => typeof id === 'string' && !id.includes('{{'))
      const absent = found === undefined ? [] : missing.filter((id) => !found.tasks.some((task) => task.taskId === id))
      return absent.map((id) =>
        faultAt(read, id, 'externalTaskIds?', {
          code: 'DAG_UNKNOWN',
          message: `${where}: DAG "${target.dagId}" has no task "${id}"; its tasks are ${found?.tasks.map((task) => task.taskId).join(', ')}`,
          level: 'warning',
        }),
      )
    }),
  )
}

/** `process.env.X` of a name that children are not given: it is always undefined there. */
function absentSettings(read: ReadFile, environment: ReadonlySet<string>): CheckFault[] {
  const faults: CheckFault[] = []
  for (const [i, line] of read.source.split('\n').entries()) {
    for (const match of line.matchAll(/process\.env(?:\.([A-Za-z_]\w*)|\[\s*['"]([A-Za-z_]\w*)['"]\s*\])/g)) {
      const name = match[1] ?? match[2] ?? ''
      if (environment.has(name) || /^\s*(\/\/|\*)/.test(line)) continue
      faults.push({
        file: read.file.name,
        line: i + 1,
        column: match.index + 1,
        code: 'ENV_ABSENT',
        message:
          `the environment variable ${name} does not reach DAG files and tasks; make it a Variable or a Connection and ` +
          `read it in the task: await getClient().getVariable("${name.toLowerCase()}")`,
        level: 'warning',
      })
    }
  }
  return faults
}

/** Faults of the folder as a whole. */
export function checkFolder(files: readonly ReadFile[], known: Known): CheckFault[] {
  const dags = new Map(files.flatMap((read) => read.dags.map((dag) => [dag.dagId, dag] as const)))
  const { pools } = known
  return [
    ...duplicateIds(files),
    ...files.flatMap((read) => [
      ...(pools === null ? [] : unknownPools(read, pools)),
      ...unknownTargets(read, dags, known),
      ...absentSettings(read, known.environment),
    ]),
  ]
}
