// `dagctl import-crontab`: a crontab in, a DAG file out.

import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { BaramError } from '../../core/errors.ts'
import { zone } from '../arguments.ts'
import { importCrontab } from '../crontab.ts'
import { print, tell } from '../output.ts'

function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (cause) {
    throw new BaramError(
      'NOT_FOUND',
      `the crontab ${file} cannot be read; crontab -l | dagctl import-crontab - reads your own`,
      { cause },
    )
  }
}

export function addImportCrontabCommand(program: Command): void {
  program
    .command('import-crontab')
    .description('print a DAG file with a paused DAG for each line of a crontab')
    .argument('<file>', 'the crontab; - reads standard input')
    .option(
      '--timezone <zone>',
      'zone the crontab ran in, unless it names its own',
      zone('--timezone'),
      Intl.DateTimeFormat().resolvedOptions().timeZone,
    )
    .action((file: string, { timezone }: { timezone: string }) => {
      const { text, dags, kept } = importCrontab(readText(file), timezone)
      print(text.trimEnd())
      tell(`${dags} DAGs${kept === 0 ? '' : `; ${kept} lines stand in the file as comments, with the reason`}`)
    })
}
