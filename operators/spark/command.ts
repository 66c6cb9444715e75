// The command line of spark-submit. Every value is an argument of its own and reaches Spark as it stands.

import { FailTask } from '../../sdk/index.ts'
import { textOf } from '../subprocess/environment.ts'
import { languageOf, SQL_MAIN } from './application.ts'
import type { SparkTarget } from './connection.ts'
import type { SparkSubmitOptions } from './options.ts'

const argument = (name: string, value: unknown) => textOf(name, value, 'an argument')

/** Airflow's text with commas, or a list, whose items must not have any. */
function listOf(name: string, value: string | readonly string[] | undefined): string | undefined {
  if (value === undefined || typeof value === 'string') return value
  const items = value.map((item, i) => argument(`${name}[${i}]`, item))
  const comma = items.find((item) => item.includes(','))
  if (comma !== undefined)
    throw new FailTask(`${name} holds ${comma.slice(0, 100)}, which Spark would take apart at its comma`)
  return items.join(',')
}

/** Spark takes `name=value` apart at its first `=`, and ends at a name without one. */
function settingOf(name: string, value: unknown): string {
  if (!/^[^\s=,]+$/.test(name)) throw new FailTask(`conf ${JSON.stringify(name.slice(0, 100))} is no name of a setting`)
  return `${name}=${argument(`conf ${name}`, value)}`
}

/** Settings of the author over ours. */
export function settingsOf(
  options: SparkSubmitOptions,
  own: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const given = Object.entries(options.conf ?? {}).map(
    ([name, value]) => [name, argument(`conf ${name}`, value)] as const,
  )
  return { ...own, ...Object.fromEntries(given) }
}

/** Options with a value, in the order Airflow gives them. */
function namedOptions(options: SparkSubmitOptions, target: SparkTarget): readonly (readonly [string, unknown])[] {
  return [
    ['--master', target.master],
    // `local` knows no mode.
    ['--deploy-mode', target.kind === 'local' ? undefined : target.deployMode],
    ['--properties-file', options.propertiesFile],
    ['--files', listOf('files', options.files)],
    ['--py-files', listOf('pyFiles', options.pyFiles)],
    ['--archives', listOf('archives', options.archives)],
    ['--driver-class-path', options.driverClassPath],
    ['--jars', listOf('jars', options.jars)],
    ['--packages', listOf('packages', options.packages)],
    ['--exclude-packages', listOf('excludePackages', options.excludePackages)],
    ['--repositories', listOf('repositories', options.repositories)],
    ['--num-executors', options.numExecutors],
    ['--total-executor-cores', options.totalExecutorCores],
    ['--executor-cores', options.executorCores],
    ['--executor-memory', options.executorMemory],
    ['--driver-memory', options.driverMemory],
    ['--keytab', options.keytab],
    ['--principal', options.principal],
    ['--proxy-user', options.proxyUser],
    ['--queue', target.kind === 'yarn' ? (options.yarnQueue ?? target.queue) : undefined],
    ['--name', options.name],
  ]
}

function mainOf({ application, javaClass, applicationArgs = [] }: SparkSubmitOptions): readonly string[] {
  const args = applicationArgs.map((value, i) => argument(`applicationArgs[${i}]`, value))
  if (languageOf(application) === 'sql') return ['--class', SQL_MAIN, 'spark-internal', '-f', application, ...args]
  const main = javaClass === undefined || javaClass === '' ? [] : ['--class', argument('javaClass', javaClass)]
  return [...main, argument('application', application), ...args]
}

/**
 * What follows `spark-submit`. `settings`: those of `settingsOf`.
 * @throws FailTask for what no argument can hold
 */
export function submitArguments(
  options: SparkSubmitOptions,
  target: SparkTarget,
  settings: Readonly<Record<string, string>>,
): readonly string[] {
  const named = namedOptions(options, target).flatMap(([flag, value]) =>
    value === undefined || value === '' ? [] : [flag, argument(flag, value)],
  )
  const conf = Object.entries(settings).flatMap(([name, value]) => ['--conf', settingOf(name, value)])
  return [...named, ...conf, ...(options.verbose === true ? ['--verbose'] : []), ...mainOf(options)]
}
