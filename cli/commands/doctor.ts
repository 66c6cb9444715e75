// `dagctl doctor`: what is wrong with the systems that pipelines use, and how to put it right, in English and Korean.

import type { Command } from 'commander'
import { BaramError } from '../../core/errors.ts'
import type { Check, CheckState, DoctorOptions } from '../../operators/doctor/index.ts'
import { connectionsOf } from '../connection-context.ts'
import { withContext } from '../context.ts'
import { EXIT } from '../exit.ts'
import { formatRows, print, readFormat, setExitCode } from '../output.ts'
import { style } from '../style.ts'
import type { Context } from '../wire.ts'

interface Flags {
  readonly connId?: string
  readonly topic?: string
  readonly group?: string
  readonly readOnly?: boolean
  readonly output: string
}

type Systems = typeof import('../../operators/doctor/index.ts')['DOCTORS']
type SystemName = keyof Systems

const MARKS: Readonly<Record<CheckState, string>> = {
  ok: style.green('✓'),
  warning: style.yellow('!'),
  failed: style.red('✗'),
  skipped: style.dim('–'),
}
const NAME_WIDTH = 22

/** One check on a line, and what to do below it. */
function lineOf({ name, state, found, fix }: Check): string {
  const line = `  ${MARKS[state]} ${name.padEnd(NAME_WIDTH)} ${found}`
  const indent = ' '.repeat(4)
  return fix === undefined ? line : [line, `${indent}${fix.en}`, `${indent}${fix.ko}`].join('\n')
}

const masked = (mask: (text: string) => string, check: Check): Check => ({ ...check, found: mask(check.found) })

interface Found extends Check {
  readonly system: string
  readonly connection: string
}

interface Looking {
  readonly context: Context
  readonly flags: Flags
  readonly signal: AbortSignal
  /** Called for each check as it is made. */
  readonly onCheck: (check: Found) => void
}

async function look({ context, flags, signal, onCheck }: Looking, systems: Systems, name: SystemName): Promise<void> {
  const { doctor, connId: usual } = systems[name]
  const { topic, group, readOnly: isReadOnly } = flags
  const options: DoctorOptions = {
    connId: flags.connId ?? usual,
    ...(topic !== undefined && { topic }),
    ...(group !== undefined && { group }),
    ...(isReadOnly !== undefined && { isReadOnly }),
  }
  const { op, mask } = connectionsOf(context, 'doctor', signal)
  const at = { system: name, connection: options.connId }
  try {
    for await (const check of doctor(op, options)) onCheck({ ...at, ...masked(mask, check) })
  } catch (error) {
    // A connection that says what cannot be: its own sentence tells the field and what to put there.
    const found = error instanceof Error ? error.message : String(error)
    const fix = { en: 'Correct the connection as the sentence says.', ko: '위 문장대로 연결을 고치세요.' }
    onCheck({ ...at, ...masked(mask, { name: 'connection', state: 'failed', found, fix }) })
  }
}

function namesOf(systems: Systems, given: readonly string[]): readonly SystemName[] {
  // Object.keys forgets which keys they are.
  const known = Object.keys(systems) as SystemName[]
  if (given.length === 0) return known
  return given.map((name) => {
    const found = known.find((system) => system === name.toLowerCase())
    if (found !== undefined) return found
    throw new BaramError('INPUT_INVALID', `the doctor knows ${known.join(', ')}; found ${JSON.stringify(name)}`)
  })
}

function checkFlags(names: readonly SystemName[], { connId, topic, group }: Flags): void {
  if (connId !== undefined && names.length !== 1)
    throw new BaramError('INPUT_INVALID', '--conn-id is of one system: name it, as in dagctl doctor kafka --conn-id …')
  if ((topic ?? group) !== undefined && !names.includes('kafka'))
    throw new BaramError('INPUT_INVALID', '--topic and --group are of kafka')
  if (group !== undefined && topic === undefined)
    throw new BaramError('INPUT_INVALID', '--group needs --topic: a group reads topics')
}

async function examine(given: readonly string[], flags: Flags): Promise<void> {
  const format = readFormat(flags.output)
  const { DOCTORS } = await import('../../operators/doctor/index.ts')
  const names = namesOf(DOCTORS, given)
  checkFlags(names, flags)
  const found: Found[] = []
  const abort = new AbortController()
  process.once('SIGINT', () => abort.abort(new BaramError('INPUT_INVALID', 'stopped')))
  await withContext(async (context) => {
    for (const name of names) {
      if (format === 'table') print(style.bold(`${name} (${flags.connId ?? DOCTORS[name].connId})`))
      const onCheck = (check: Found) => {
        found.push(check)
        if (format === 'table') print(lineOf(check))
      }
      await look({ context, flags, signal: abort.signal, onCheck }, DOCTORS, name)
    }
  })
  const count = (state: CheckState) => found.filter((check) => check.state === state).length
  if (format === 'table') print(`${count('ok')} ok, ${count('warning')} to look at, ${count('failed')} failed`)
  else {
    const rows = found.map(({ fix, ...check }) => ({ ...check, fix_en: fix?.en ?? null, fix_ko: fix?.ko ?? null }))
    print(formatRows(rows, format, ['system', 'connection', 'name', 'state', 'found', 'fix_en', 'fix_ko']))
  }
  if (count('failed') > 0) setExitCode(EXIT.failed)
}

export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('find out what is wrong with Kafka, HDFS, Hive, Elasticsearch, Postgres …, and how to fix it')
    .argument('[systems...]', 'kafka, hdfs, hive, elasticsearch, postgres (all of them by default)')
    .option('--conn-id <conn-id>', 'another connection than the system’s default')
    .option('--topic <topic>', 'kafka: tell its partitions')
    .option('--group <group>', 'kafka: tell how far this group has read the topic')
    .option('--read-only', 'write nothing, not even a file that is removed again')
    .option('-o, --output <format>', 'table, json, yaml or plain', 'table')
    .addHelpText(
      'after',
      '\nExit code 1 when a check has failed. Writes a small file, table, index or record, and removes it.',
    )
    .action(examine)
}
