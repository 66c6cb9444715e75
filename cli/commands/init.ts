// `dagctl init`: a project of one's own. `dagctl new`: one more DAG file.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import type { Command } from 'commander'
import { BaramError } from '../../core/errors.ts'
import { loadConfig } from '../../runtime/config.ts'
import { packageRoot } from '../../runtime/paths.ts'
import { zone } from '../arguments.ts'
import { print, tell } from '../output.ts'
import { checkDagId, dagFile, projectFiles } from '../starters/files.ts'
import { packProduct, TARBALL } from '../starters/pack.ts'

const localZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

/** Versions that this product itself was tested with. */
function testedVersion(name: string): string {
  // Our own file.
  const { dependencies, devDependencies } = JSON.parse(
    readFileSync(join(packageRoot, 'package.json'), 'utf8'),
  ) as Manifest
  return dependencies?.[name] ?? devDependencies?.[name] ?? '*'
}

/** A name that npm accepts, of the folder's. */
function packageName(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[._-]+/, '')
  return name === '' ? 'my-dags' : name
}

/** Never over a file that is there. */
function writeNew(path: string, text: string): boolean {
  mkdirSync(dirname(path), { recursive: true })
  try {
    writeFileSync(path, text, { flag: 'wx' })
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

/** As a shell takes it: what is printed can be typed. */
const shellWord = (text: string): string =>
  /^[\w./@+-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`

async function init(path: string, flags: { readonly force?: boolean; readonly timezone: string }): Promise<void> {
  const folder = resolve(path)
  const found = existsSync(folder) ? readdirSync(folder).filter((name) => name !== '.git') : []
  if (found.length > 0 && flags.force !== true)
    throw new BaramError(
      'REFUSED',
      `${path} is not empty (${found.slice(0, 3).join(', ')}${found.length > 3 ? ' …' : ''}); --force adds what is missing and overwrites nothing`,
    )
  const versions = {
    baram: `file:${TARBALL}`,
    typescript: testedVersion('typescript'),
    node: testedVersion('@types/node'),
    vitest: testedVersion('vitest'),
  }
  const files = projectFiles({ name: packageName(folder), timezone: flags.timezone, versions })
  for (const [name, text] of files)
    print(`${writeNew(join(folder, name), text) ? 'made' : 'kept'}  ${join(path, name)}`)
  print(`${(await packProduct(folder)) ? 'made' : 'kept'}  ${join(path, TARBALL)}`)
  tell(
    `${TARBALL} is this Baram, which is on no registry yet: package.json depends on the file; commit it with the project`,
  )
  tell(`next: cd ${shellWord(path)} && npm install && npm run check && npm test`)
}

function makeDag(dagId: string, flags: { readonly timezone: string }): void {
  const folder = resolve(loadConfig().dagsFolder)
  const path = join(folder, `${checkDagId(dagId)}.ts`)
  const shown = relative(process.cwd(), path)
  if (!writeNew(path, dagFile(dagId, flags.timezone)))
    throw new BaramError('REFUSED', `${shown} is there already; choose another id, or edit that file`)
  print(`made  ${shown}`)
  tell(`next: dagctl check ${shown} && dagctl test ${dagId}`)
}

const withZone = (command: Command): Command =>
  command.option('--timezone <zone>', 'zone of the schedule', zone('--timezone'), localZone())

export function addInitCommands(program: Command): void {
  withZone(
    program
      .command('init')
      .description(
        'make a project of your own: package.json, tsconfig.json, a DAG, its test, and this Baram as a tarball',
      )
      .argument('<folder>')
      .option('--force', 'add to a folder that is not empty; nothing in it is overwritten'),
  ).action(init)
  withZone(program.command('new').description('make a DAG file in the DAGs folder').argument('<dag-id>')).action(
    makeDag,
  )
}
