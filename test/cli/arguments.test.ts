// Every argument of every command that is a number, a time, an age, a zone or a list refuses nonsense before the command does anything.

import type { Argument, Command, Option } from 'commander'
import { describe, expect, it } from 'vitest'
import { readInstant, wholeNumber } from '../../cli/arguments.ts'
import { makeProgram } from '../../cli/program.ts'
import { BaramError } from '../../core/errors.ts'

type Kind = 'number' | 'time' | 'age' | 'zone' | 'names' | 'text'
/** What a placeholder such as `<n>` stands for; a new one must be entered here, so that none goes unread. */
const KINDS: Readonly<Record<string, Kind>> = {
  n: 'number',
  port: 'number',
  slots: 'number',
  id: 'number',
  before: 'number',
  after: 'number',
  time: 'time',
  date: 'time',
  age: 'age',
  zone: 'zone',
  ids: 'names',
  tables: 'names',
  ...Object.fromEntries(
    [
      ...[
        'action',
        'conn-id',
        'dag-id',
        'description',
        'file',
        'folder',
        'format',
        'host',
        'json',
        'key',
        'login',
        'group',
      ],
      ...['name', 'names', 'password', 'path', 'paths', 'pattern', 'role', 'run', 'run-id', 'schema', 'state'],
      ...['kind', 'shell', 'systems', 'token', 'topic', 'url'],
      ...['task-id', 'text', 'type', 'uri', 'value', 'which'],
    ].map((name) => [name, 'text'] as const),
  ),
}
/** Ids of DAGs and runs are text, though their placeholder is that of a backfill's number. */
const TEXT_IDS = ['--dag-id', '--run-id', '--task-id']

const NONSENSE = {
  number: [
    'x',
    '',
    ' ',
    '1.5',
    '1e99',
    '1e3',
    '0x10',
    'NaN',
    'Infinity',
    '2147483648',
    '-2147483649',
    '１',
    '-2',
    '- 1',
  ],
  time: [
    'tomorrow',
    '',
    '0000-01-01',
    '275761-01-01',
    '+275760-09-13',
    '2026-02-30',
    '2026-13-01',
    '1',
    '2026-03-18T25:00',
  ],
  age: ['x', '', '90', '1.5d', '-1d', '0x1d', '1y', '90d ', '1000000d', '１d', 'd'],
  names: ['', ',', 'a,,b', 'a, '],
  zone: ['Mars', '', 'Asia/Seoul\n', "'"],
} as const

interface Place {
  readonly command: string
  readonly name: string
  readonly kind: Kind | undefined
  /** Arguments of the program with this one set to a text. */
  argv(text: string): string[]
}

const placeholder = (flags: string) => /[<[]([\w-]+)(?:\.\.\.)?[>\]]/.exec(flags)?.[1]
const kindOf = (name: string, long: string | undefined) =>
  long !== undefined && TEXT_IDS.includes(long) ? 'text' : KINDS[name]

/** Something acceptable, so that parsing comes to what is tried. */
const filler = (argument: Argument): string =>
  ({ number: '1', time: '2026-03-18', age: '1d', zone: 'UTC', names: 'x', text: 'x' })[KINDS[argument.name()] ?? 'text']

function required(options: readonly Option[], without?: Option): string[] {
  return options
    .filter((option) => option.mandatory && option !== without)
    .flatMap((option) => [option.long ?? '', placeholder(option.flags) === 'time' ? '2026-03-18' : 'x'])
}

function placesOf(command: Command, path: readonly string[]): Place[] {
  const args = command.registeredArguments
  const below = command.commands.flatMap((sub) => placesOf(sub, [...path, sub.name()]))
  const shown = path.join(' ')
  const ofArguments = args.map((argument, at) => ({
    command: shown,
    name: argument.name(),
    kind: KINDS[argument.name()],
    argv: (text: string) => [...path, ...required(command.options), '--', ...args.slice(0, at).map(filler), text],
  }))
  const ofOptions = command.options.flatMap((option) => {
    const name = placeholder(option.flags)
    const { long = '' } = option
    if (name === undefined) return []
    return {
      command: shown,
      name: long,
      kind: kindOf(name, long),
      argv: (text: string) => [
        ...path,
        ...required(command.options, option),
        `${long}=${text}`,
        '--',
        ...args.filter((argument) => argument.required).map(filler),
      ],
    }
  })
  return [...ofArguments, ...ofOptions, ...below]
}

/** Takes the actions away: what is read only by one would be found missing. */
function disarm(command: Command): Command {
  command.exitOverride().configureOutput({ writeErr: () => undefined, writeOut: () => undefined })
  if (command.parent !== null) command.action(() => undefined)
  for (const sub of command.commands) disarm(sub)
  return command
}

const places = placesOf(await makeProgram([]), [])

describe('arguments of commands', () => {
  it('are each known as a number, a time, an age, a zone, a list or text', () => {
    expect(places.filter(({ kind }) => kind === undefined)).toEqual([])
  })

  it.each(places.filter(({ kind }) => kind !== undefined && kind !== 'text'))(
    '$command $name refuses what is no $kind, in a sentence with what was found',
    async ({ command, kind, argv, name }) => {
      for (const text of NONSENSE[kind as keyof typeof NONSENSE]) {
        const program = disarm(await makeProgram([]))
        const end: unknown = await program.parseAsync(argv(text), { from: 'user' }).catch((error: unknown) => error)
        expect(end, `${command} ${name} ${JSON.stringify(text)}`).toBeInstanceOf(BaramError)
        expect((end as BaramError).code).toBe('INPUT_INVALID')
        expect((end as BaramError).message).toMatch(/ must be .*, found "/)
        expect((end as BaramError).message).toContain(JSON.stringify(text))
      }
    },
  )

  it.each([
    ['-1', -1],
    ['0', 0],
    ['128', 128],
    ['2147483647', 2_147_483_647],
  ])('a pool takes %s slots', (text, slots) => {
    expect(wholeNumber('slots', { least: -1 })(text)).toBe(slots)
  })

  it.each([
    ['2026-03-18', '2026-03-18T00:00:00.000Z'],
    ['2026-03-18T09:00', '2026-03-18T09:00:00.000Z'],
    ['2026-03-18 09:00:30', '2026-03-18T09:00:30.000Z'],
    ['2026-03-18T09:00:00+09:00', '2026-03-18T00:00:00.000Z'],
    ['2026-03-18T09:00:00.250Z', '2026-03-18T09:00:00.250Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
    ['0001-01-01', '0001-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59Z', '9999-12-31T23:59:59.000Z'],
  ])('%s is a time', (text, iso) => {
    expect(new Date(readInstant(text, 'it')).toISOString()).toBe(iso)
  })
})
