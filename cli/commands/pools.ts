// `dagctl pools …`.

import type { Command } from 'commander'
import { notFound } from '../../core/errors.ts'
import { wholeNumber } from '../arguments.ts'
import { type Confirmable, confirm } from '../confirm.ts'
import type { PoolView } from '../deployment/deployment.ts'
import { withDeployment } from '../deployment/open.ts'
import { withOutput } from '../options.ts'
import { print, printRows, readFormat } from '../output.ts'

const COLUMNS = ['pool', 'slots', 'description', 'include_deferred', 'running', 'queued', 'scheduled']

const poolRow = (row: PoolView) => ({
  pool: row.pool,
  slots: row.slots,
  description: row.description ?? '',
  include_deferred: row.includeDeferred,
  running: row.running,
  queued: row.queued,
  scheduled: row.scheduled,
})

async function printOne(name: string, flags: { output: string }): Promise<void> {
  const format = readFormat(flags.output)
  await withDeployment(async ({ pools }) => {
    const row = await pools.find(name)
    if (row === null) throw notFound('pool', name)
    printRows([poolRow(row)], format, COLUMNS)
  })
}

async function setOne(
  pool: string,
  slots: number,
  description: string,
  flags: { output: string; includeDeferred?: boolean },
): Promise<void> {
  const setting = { pool, slots, description, includeDeferred: flags.includeDeferred === true }
  const format = readFormat(flags.output)
  await withDeployment(async ({ pools }) => {
    await pools.set(setting)
    const row = await pools.find(pool)
    printRows(row === null ? [] : [poolRow(row)], format, COLUMNS)
  })
}

export function addPoolCommands(program: Command): void {
  const pools = program.command('pools').description('pools of slots that tasks share')
  withOutput(pools.command('list').description('all pools and what is in them')).action(
    async (flags: { output: string }) => {
      const format = readFormat(flags.output)
      await withDeployment(async ({ pools }) => printRows((await pools.list()).map(poolRow), format, COLUMNS))
    },
  )
  withOutput(pools.command('get').argument('<name>')).action(printOne)
  withOutput(
    pools
      .command('set')
      .argument('<name>')
      .argument(
        '<slots>',
        '-1 for no limit',
        wholeNumber('the slots of a pool', { least: -1, note: '-1 for no limit' }),
      )
      .argument('[description]', 'what it is for', '')
      .description('make a pool, or change it'),
  )
    .option('--include-deferred', 'deferred tasks hold a slot too')
    .action(setOne)
  pools
    .command('delete')
    .argument('<name>')
    .option('-y, --yes', 'do it without asking')
    .action(async (name: string, flags: Confirmable) => {
      if (!(await confirm(`Delete pool ${name}? Tasks in it wait until it is made again.`, flags))) return
      await withDeployment(({ pools }) => pools.remove(name))
      print(`Deleted pool ${name}.`)
    })
}
