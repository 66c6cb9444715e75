// A crontab as a DAG file: each line a DAG of one bash task, paused until somebody switches it on. What cannot be carried over
// stands in the file as a comment with the reason: nothing is dropped without a word.

import { messageOf } from '../core/errors.ts'
import { expandPreset, parseCron } from '../core/timetables/cron-dialect.ts'

interface Job {
  readonly id: string
  readonly schedule: string
  readonly timezone: string
  readonly command: string
  readonly input: string | null
  readonly environment: Readonly<Record<string, string>>
  /** The line as it was. */
  readonly line: string
}

type Item = { readonly job: Job } | { readonly kept: string; readonly reason: string }

const PRESETS: readonly string[] = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly']

/** Vixie cron: an unescaped % ends the command; what follows is its input, each further % a line break. */
function splitInput(text: string): { readonly command: string; readonly input: string | null } {
  const [command = '', ...rest] = text.split(/(?<!\\)%/)
  const plain = (part: string) => part.replaceAll('\\%', '%')
  return { command: plain(command).trim(), input: rest.length === 0 ? null : rest.map(plain).join('\n') }
}

/** A DAG id of the program's name: `backup`, the second one `backup_2`. */
function idOf(command: string, taken: ReadonlySet<string>): string {
  const program =
    command
      .replace(/^cd\s+\S+\s*(&&|;)\s*/, '')
      .split(/\s+/)
      .find((word) => !/^\w+=|^(cd|sudo|nice|flock|bash|sh|env|-\S*|&&|\/bin\/(ba)?sh)$/.test(word)) ?? 'job'
  const base =
    (program.split('/').at(-1) ?? 'job')
      .replace(/\.\w+$/, '')
      .replaceAll(/[^A-Za-z0-9_-]+/g, '_')
      .replace(/^_+|_+$/g, '') || 'job'
  let id = base
  for (let n = 2; taken.has(id); n += 1) id = `${base}_${n}`
  return id
}

function readLine(
  line: string,
  state: { readonly environment: Record<string, string>; readonly timezone: string; readonly taken: Set<string> },
): Item {
  const match = /^(@\w+|(?:\S+\s+){4}\S+)\s+(.+)$/.exec(line.trim())
  if (match === null) return { kept: line, reason: 'it is no line of a crontab: five fields and a command' }
  const [, fields = '', rest = ''] = match
  if (fields.startsWith('@') && !PRESETS.includes(fields))
    return { kept: line, reason: `${fields} has no schedule: start it as a service of the machine` }
  const schedule =
    fields === '@annually' ? '@yearly' : fields === '@midnight' ? '@daily' : fields.split(/\s+/).join(' ')
  try {
    parseCron(expandPreset(schedule))
  } catch (error) {
    return { kept: line, reason: messageOf(error) }
  }
  const { command, input } = splitInput(rest)
  const id = idOf(command, state.taken)
  state.taken.add(id)
  return {
    job: { id, schedule, timezone: state.timezone, command, input, environment: { ...state.environment }, line },
  }
}

function readItems(text: string, timezone: string): readonly Item[] {
  const state = { environment: {} as Record<string, string>, timezone, taken: new Set<string>() }
  const items: Item[] = []
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '' || line.trim().startsWith('#')) continue
    const setting = /^\s*(\w+)\s*=\s*(?:"([^"]*)"|'([^']*)'|(.*?))\s*$/.exec(line)
    if (setting === null) {
      items.push(readLine(line, state))
      continue
    }
    const [, name = '', double, single, bare] = setting
    const value = double ?? single ?? bare ?? ''
    if (name === 'CRON_TZ' || name === 'TZ') state.timezone = value
    else if (name === 'MAILTO' || name === 'SHELL' || name === 'RANDOM_DELAY')
      items.push({
        kept: line,
        reason: `${name} is not carried over: output is in each task's log, commands run in bash`,
      })
    else state.environment[name] = value
  }
  return items
}

/** A template would read `{{`; a crontab means two braces. */
const literal = (text: string): string => JSON.stringify(text.replaceAll('{{', String.raw`\{{`))

function jobText({ id, schedule, timezone, command, input, environment, line }: Job): string {
  const entries = Object.entries({ ...environment, ...(input === null ? {} : { CRON_INPUT: input }) })
  const run = input === null ? command : `printf '%s' "$CRON_INPUT" | { ${command}; }`
  const env =
    entries.length === 0
      ? ''
      : `, env: { ${entries.map(([name, value]) => `${name}: ${literal(value)}`).join(', ')} }, appendEnv: true`
  return `// ${line.trim()}
const ${id.replaceAll('-', '_').replace(/^(\d)/, '_$1')}Dag = new Dag(${JSON.stringify(id)}, {
  schedule: cron(${JSON.stringify(schedule)}, { timezone: ${JSON.stringify(timezone)} }),
  catchup: false,
  maxActiveRuns: 1,
  tags: ['crontab'],
})
${id.replaceAll('-', '_').replace(/^(\d)/, '_$1')}Dag.task('run', bash({ bashCommand: ${literal(run)}${env} }))()
`
}

export interface ImportedCrontab {
  /** The DAG file. */
  readonly text: string
  readonly dags: number
  /** Lines that stand in it as comments. */
  readonly kept: number
}

/** @param timezone IANA name of the zone the crontab ran in, unless it names its own */
export function importCrontab(text: string, timezone: string): ImportedCrontab {
  const items = readItems(text, timezone)
  const jobs = items.flatMap((item) => ('job' in item ? [item.job] : []))
  const names = jobs.map(({ id }) => `${id.replaceAll('-', '_').replace(/^(\d)/, '_$1')}Dag`)
  const parts = items.map((item) =>
    'job' in item
      ? jobText(item.job)
      : `// Not carried over: ${item.reason.replaceAll('\n', ' ')}\n//   ${item.kept.trim()}\n`,
  )
  const head =
    '// Made by dagctl import-crontab. Every DAG is paused until it is switched on.\n\nimport { cron, Dag } from ' +
    "'baram'\nimport { bash } from 'baram/operators/bash'\n"
  const tail = `export default [${names.join(', ')}]\n`
  return { text: [head, ...parts, tail].join('\n'), dags: jobs.length, kept: items.length - jobs.length }
}
