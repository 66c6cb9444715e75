// `--record`: what a bench has printed becomes the newest entry of its section in docs/benchmarks.md; older ones stay.

import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const history = fileURLToPath(new URL('../docs/benchmarks.md', import.meta.url))
const said = []

/** Prints a line that `record` keeps. */
export function say(line) {
  said.push(line)
  console.log(line)
}

const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim()

/** Version and commit of what was measured; the history itself may have changed. */
function productVersion() {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  const isChanged = git('status', '--porcelain', '--', '.', ':!docs/benchmarks.md') !== ''
  return `${version} (${git('rev-parse', '--short=7', 'HEAD')}${isChanged ? ' with changes' : ''})`
}

const machine = (postgres) =>
  `${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.versions.node}, Postgres ${postgres}`

/** Puts an entry before the older ones of its section. @throws Error when the document has no such section */
function insertEntry(text, section, entry) {
  const heading = `## ${section}\n`
  const begin = text.indexOf(heading)
  if (begin === -1) throw new Error(`expected the section "## ${section}" in docs/benchmarks.md: put it there, empty`)
  const next = text.indexOf('\n## ', begin)
  const end = next === -1 ? text.length : next
  const first = text.slice(begin, end).indexOf('\n### ')
  const place = first === -1 ? end : begin + first
  const separator = text.slice(0, place).endsWith('\n') ? '\n' : '\n\n'
  return `${text.slice(0, place).trimEnd()}\n\n${entry}${separator}${text.slice(place).trimStart()}`.trimEnd() + '\n'
}

/**
 * Keeps what was said so far.
 * @param section heading of docs/benchmarks.md
 * @param postgres version of the server that was measured
 * @param note what the numbers must be read with, e.g. `beside other load`; default none
 */
export function record({ section, postgres, note }) {
  const day = new Date().toISOString().slice(0, 10)
  const title = `### ${day}, Baram ${productVersion()}${note === undefined ? '' : `, ${note}`}`
  const lines = said.map((line) => line.trimEnd()).join('\n')
  const entry = `${title}\n\n${machine(postgres)}.\n\n\`\`\`text\n${lines.trim()}\n\`\`\`\n`
  writeFileSync(history, insertEntry(readFileSync(history, 'utf8'), section, entry))
  console.log(`\nkept in docs/benchmarks.md, "${section}"`)
}

/** Of the server a deployment runs on, e.g. `18.4`. */
export const postgresVersion = async (d) => (await d.query('show server_version'))[0].server_version
