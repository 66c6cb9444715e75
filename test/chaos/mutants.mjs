// Faults in the product itself, put into a copy of what was built: a checker that lets one of them pass checks nothing.

import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** By name: the file below `dist/`, what stands there, and what is put in its place. */
const MUTANTS = {
  'xcoms-never-written': [
    'store/postgres/xcoms.js',
    'export async function putXComs(tx, dagRunId, values) {',
    '$&\n    return;',
  ],
  'admission-lock-gone': [
    'store/postgres/task-queue.js',
    'export async function lockAdmission(tx) {',
    '$&\n    return;',
  ],
  'no-scheduled-runs': [
    'engine/runs/create.js',
    /export async function createDueRuns\([^\n]*\{\n/,
    '$&    return 0;\n',
  ],
  'exit-0-is-success': [
    'worker/attempts.js',
    /function outcomeOf\(result, exit\) \{\n/,
    "$&    if (result === null && exit?.code === 0) return { kind: 'success' };\n",
  ],
  'log-lines-dropped': [
    'worker/log-file.js',
    /\(event\) => this\.add\(\{ level, logger: /,
    '(event) => (this.printedLines = (this.printedLines ?? 0) + 1) % 10 === 0 || this.add({ level, logger: ',
  ],
}

export const MUTANT_NAMES = Object.keys(MUTANTS)

/** A copy of the product with the mutant in it; the original is not touched. @throws Error when it no longer fits */
export function makeMutant(name, product, folder) {
  const [file, text, instead] = MUTANTS[name]
  for (const part of ['dist', 'sdk/facade/package', 'package.json', 'LICENSE', 'dags'])
    cpSync(join(product, part), join(folder, part), { recursive: true })
  symlinkSync(join(product, 'node_modules'), join(folder, 'node_modules'))
  const path = join(folder, 'dist', file)
  const before = readFileSync(path, 'utf8')
  const parts = before.split(text)
  if (parts.length !== 2) throw new Error(`the mutant ${name} does not fit ${file}: ${parts.length - 1} places`)
  writeFileSync(path, before.replace(text, instead))
  return folder
}
