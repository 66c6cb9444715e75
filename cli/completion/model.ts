// The commands of a program as shells complete them: read from commander's own tree, so that nothing is written twice.

import type { Argument, Command, Option } from 'commander'
import { RUN_STATES } from '../../core/states.ts'

/** What may stand in a place: words that are known now, or a kind that is asked for when somebody completes. */
export type Values =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'dags' | 'profiles' | 'files' | 'nothing' }

export interface WordModel {
  readonly name: string
  readonly description: string
}

export interface OptionModel {
  /** `-o` and `--output`. */
  readonly names: readonly string[]
  readonly description: string
  /** Null = it takes no value. */
  readonly value: Values | null
}

export interface CommandModel {
  /** `''` for the program itself. */
  readonly path: string
  readonly commands: readonly WordModel[]
  readonly options: readonly OptionModel[]
  readonly arguments: readonly Values[]
}

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

const words = (...list: readonly string[]): Values => ({ kind: 'words', words: list })

/** By the name of a placeholder, `<dag-id>`; what is not here is anybody's own text. */
const OF_PLACEHOLDER: Readonly<Record<string, Values>> = {
  'dag-id': { kind: 'dags' },
  'run-id': words('latest'),
  run: words('latest'),
  file: { kind: 'files' },
  folder: { kind: 'files' },
  path: { kind: 'files' },
  paths: { kind: 'files' },
  shell: words(...SHELLS),
}

/** By option, where its placeholder says less. */
const OF_OPTION: Readonly<Record<string, Values>> = {
  '--output': words('table', 'json', 'yaml', 'plain'),
  '--file-format': words('json', 'yaml', 'env'),
  '--dag-id': { kind: 'dags' },
  '--profile': { kind: 'profiles' },
}
const OF_COMMAND: Readonly<Record<string, Values>> = {
  'profiles use name': { kind: 'profiles' },
  'runs list state': words(...RUN_STATES),
  'dags list-runs state': words(...RUN_STATES),
}

function valuesOf(path: string, placeholder: string, option = ''): Values {
  return OF_COMMAND[`${path} ${placeholder}`] ?? OF_OPTION[option] ?? OF_PLACEHOLDER[placeholder] ?? { kind: 'nothing' }
}

function optionModel(path: string, option: Option): OptionModel {
  const placeholder = /[<[]([\w-]+)/.exec(option.flags)?.[1]
  return {
    names: [option.short, option.long].filter((name) => name !== undefined),
    description: option.description,
    value: placeholder === undefined ? null : valuesOf(path, placeholder, option.long),
  }
}

/** A variadic argument may come again and again: ten are enough for anybody who completes. */
const argumentModels = (path: string, argument: Argument): readonly Values[] =>
  Array.from({ length: argument.variadic ? 10 : 1 }, () => valuesOf(path, argument.name()))

/** All commands, each before those inside it; hidden ones are left out. */
export function modelsOf(command: Command, path = ''): readonly CommandModel[] {
  const help = command.createHelp()
  const inside = help.visibleCommands(command).filter((sub) => sub.name() !== 'help')
  const options = [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)]
  return [
    {
      path,
      commands: inside.map((sub) => ({ name: sub.name(), description: sub.description() })),
      options: options.map((option) => optionModel(path, option)),
      arguments: command.registeredArguments.flatMap((argument) => argumentModels(path, argument)),
    },
    ...inside.flatMap((sub) => modelsOf(sub, path === '' ? sub.name() : `${path} ${sub.name()}`)),
  ]
}
