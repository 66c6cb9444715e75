// Commands that README.md and docs/*.md print: whole shell blocks, and code spans in their sentences.

import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')

export const DOCUMENTS: readonly string[] = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]

export const documentText = (document: string): string => readFileSync(join(root, document), 'utf8')

/** Commands of a session are those behind `$ `; what they printed stands between them. */
function commandsOf(language: string, code: string): readonly string[] {
  const lines = code.replaceAll('\\\n', ' ').split('\n')
  const typed =
    language === 'console'
      ? lines.filter((line) => /^\s*\$ /.test(line)).map((line) => line.replace(/^\s*\$ /, ''))
      : lines
  return typed.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'))
}

/** Each shell block as its commands. */
export const shellBlocks = (document: string): readonly (readonly string[])[] =>
  [...documentText(document).matchAll(/^ *```(sh|bash|shell|console)\n([\s\S]*?)^ *```/gm)].map(
    ([, language = '', code = '']) => commandsOf(language, code),
  )

const COMMAND = /^(npx|npm|dagctl|curl|node|docker|git|kubectl) /

/** Commands that stand in sentences, each once. */
export function inlineCommands(document: string): readonly string[] {
  const prose = documentText(document).replaceAll(/^ *```[\s\S]*?^ *```/gm, '')
  return [
    ...new Set([...prose.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code).filter((code) => COMMAND.test(code))),
  ]
}
