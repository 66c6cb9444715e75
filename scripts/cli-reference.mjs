// docs/cli.md from the commands themselves. After a change of one: npm run build && node scripts/cli-reference.mjs
// (test/cli/reference.test.ts says when that was forgotten).

import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const WHERE = {
  served: 'Here and on a server.',
  session: 'About servers.',
  offline: 'Needs no deployment.',
  machine: "This machine's deployment.",
  local: "This machine's deployment; no server has an operation for it.",
}

const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
const table = (head, rows) =>
  rows.length === 0
    ? []
    : [
        '',
        `| ${head.join(' | ')} |`,
        `|${'---|'.repeat(head.length)}`,
        ...rows.map((row) => `| ${row.map(cell).join(' | ')} |`),
      ]

const sentence = (text) => (text === '' ? '' : `${text.charAt(0).toUpperCase()}${text.slice(1)}. `)

const optionRows = (help, options) => options.map((option) => [`\`${option.flags}\``, help.optionDescription(option)])
/** `-h, --help` is everybody's. */
const isOwn = (option) => option.long !== '--help'

function commandText(command, path, reach) {
  const help = command.createHelp()
  return [
    '',
    `### ${path}`,
    '',
    [sentence(command.description()), WHERE[reach[path]] ?? ''].join('').trim(),
    '',
    '```text',
    help.commandUsage(command),
    '```',
    ...table(
      ['argument', ''],
      command.registeredArguments
        .filter((argument) => argument.description !== '')
        .map((argument) => [`\`${argument.name()}\``, help.argumentDescription(argument)]),
    ),
    ...table(['option', ''], optionRows(help, help.visibleOptions(command).filter(isOwn))),
  ]
}

/** Commands that do something, in the order of the help. */
function leavesOf(command, path) {
  const inside = command
    .createHelp()
    .visibleCommands(command)
    .filter((sub) => sub.name() !== 'help')
  return inside.length === 0
    ? [{ command, path }]
    : inside.flatMap((sub) => leavesOf(sub, path === '' ? sub.name() : `${path} ${sub.name()}`))
}

/** The document. `program`: with all its commands; `reach`: where each works. */
export function referenceOf(program, reach) {
  const help = program.createHelp()
  const options = help.visibleOptions(program).filter((option) => isOwn(option) && option.long !== '--version')
  return `${[
    '<!-- Made by scripts/cli-reference.mjs from the commands themselves. -->',
    '# Command line',
    '',
    'Every command of `dagctl`, with its arguments and options. [remote](remote.md) tells how one speaks to a server, [operating](operating.md) how to',
    'run a deployment. `dagctl help` and `--help` behind any command say the same in a terminal.',
    '',
    '## For every command',
    ...table(['option', ''], optionRows(help, options)),
    '',
    'Exit codes: 0 done, 1 failed, 2 a slip in what was typed, 3 not found, 4 refused, 5 not available ([errors](errors.md)).',
    '',
    '`-o` has four forms: `table` for people (on a terminal as wide as that is, states in colours, times by the clock of the DAG), `plain` for pipes',
    '(columns with tabs between them), `json` and `yaml` for programs. Where no terminal is, times are ISO in UTC and nothing has colours.',
    '',
    '## Commands',
    ...leavesOf(program, '').flatMap(({ command, path }) => commandText(command, path, reach)),
  ].join('\n')}\n`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { makeProgram } = await import('../dist/cli/program.js')
  const { REACH } = await import('../dist/cli/reach.js')
  writeFileSync(fileURLToPath(new URL('../docs/cli.md', import.meta.url)), referenceOf(await makeProgram([]), REACH))
}
