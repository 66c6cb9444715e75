// The completion scripts in the shells that they are for: words of commands and options, values, and ids that are asked for.

import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { modelsOf, SHELLS, type Shell } from '../../cli/completion/model.ts'
import { completionScript } from '../../cli/completion/scripts.ts'
import { makeProgram } from '../../cli/program.ts'

const isHere = (shell: Shell): boolean => spawnSync(shell, ['--version']).error === undefined

describe('completion', () => {
  let folder: string
  const scripts = new Map<Shell, string>()

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'baram-completion-'))
    const models = modelsOf(await makeProgram([]))
    for (const shell of SHELLS) {
      const path = join(folder, `dagctl.${shell}`)
      writeFileSync(path, completionScript(shell, models))
      scripts.set(shell, path)
    }
    // Stands for the program: what a script asks is written down, and a server may have named its DAGs as it likes.
    const fake = join(folder, 'dagctl')
    writeFileSync(
      fake,
      `#!/bin/sh
echo "$@" >> ${folder}/asked
case "$2" in
  dags) echo prices; echo prices_daily; echo '$(touch\${IFS}${folder}/owned)'; echo 한국어 ;;
  profiles) echo local; echo prod ;;
esac
`,
    )
    chmodSync(fake, 0o755)
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const run = (shell: Shell, flags: readonly string[], text: string): readonly string[] =>
    execFileSync(shell, [...flags, text], {
      encoding: 'utf8',
      cwd: folder,
      env: { PATH: `${folder}:${process.env['PATH']}`, HOME: folder, LANG: 'C.UTF-8' },
    })
      .split('\n')
      .filter((line) => line !== '')

  const quoted = (words: readonly string[]): string =>
    words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')

  /** Words that a shell offers for the last one of a command line. */
  const OFFERS: Readonly<Record<Shell, (words: readonly string[]) => readonly string[]>> = {
    bash: (words) =>
      run(
        'bash',
        ['--norc', '-c'],
        `source ${scripts.get('bash')}; COMP_WORDS=(${quoted(words)}); COMP_CWORD=${words.length - 1}; _dagctl; printf '%s\\n' "\${COMPREPLY[@]}"`,
      ),
    // The parts of zsh that draw a list need a terminal: they are told what they were given.
    zsh: (words) =>
      run(
        'zsh',
        ['-f', '-c'],
        `compdef() { }; compadd() { shift; print -rl -- "$@" }; _files() { print FILES }
        _describe() { local a; [[ $1 == -o ]] && shift; a=\${@[-1]}; print -rl -- \${\${(P)a}%%:*} }
        source ${scripts.get('zsh')}; words=(${quoted(words)}); CURRENT=${words.length}; _dagctl`,
      ).filter((word) => word.startsWith(words.at(-1) ?? '')),
    fish: (words) =>
      run('fish', ['--no-config', '-c'], `source ${scripts.get('fish')}; complete -C ${quoted([words.join(' ')])}`).map(
        (line) => line.split('\t')[0] ?? '',
      ),
  }

  describe.each(SHELLS.filter(isHere))('in %s', (shell) => {
    const offers = (...words: string[]) => OFFERS[shell](['dagctl', ...words])

    it('offers commands, and those inside them', () => {
      expect(offers('da')).toEqual(['dags'])
      expect(offers('dags', 'list-')).toEqual(expect.arrayContaining(['list-runs', 'list-import-errors']))
      expect(offers('runs', '')).toEqual(expect.arrayContaining(['list', 'show', 'watch']))
      expect(offers('')).not.toContain('complete')
    })

    it('offers options of the command and of the program', () => {
      expect(offers('runs', 'watch', '--')).toEqual(expect.arrayContaining(['--exit-status', '--interval', '--url']))
      expect(offers('runs', 'watch', '--')).not.toContain('--state')
    })

    it('offers the values of an option', () => {
      expect([...offers('dags', 'list', '-o', '')].toSorted()).toEqual(['json', 'plain', 'table', 'yaml'])
      expect(offers('dags', 'list-runs', 'prices', '--state', 'f')).toEqual(['failed'])
      expect(offers('completion', '')).toEqual(expect.arrayContaining(['bash', 'fish', 'zsh']))
    })

    it('asks for DAG ids of the deployment that the line names, and evaluates none of them', () => {
      expect(offers('--profile', 'prod', 'dags', 'show', 'pri')).toEqual(['prices', 'prices_daily'])
      expect(execFileSync('tail', ['-n', '1', join(folder, 'asked')], { encoding: 'utf8' })).toBe(
        'complete dags --profile prod\n',
      )
      expect(offers('dags', 'show', '')).toContain('한국어')
      expect(spawnSync('test', ['-e', join(folder, 'owned')]).status).toBe(1)
    })

    it('asks for profiles, and knows which argument is typed', () => {
      expect(offers('profiles', 'use', 'p')).toEqual(['prod'])
      expect(offers('runs', 'show', 'prices', 'l')).toEqual(['latest'])
      expect(offers('runs', 'show', '--output', 'json', 'prices', 'l')).toEqual(['latest'])
    })
  })

  it('is tried in bash, and in each other shell that is installed', () => {
    const missing = SHELLS.filter((shell) => !isHere(shell))
    if (missing.length > 0)
      process.stderr.write(`completion is not tried in ${missing.join(', ')}: not installed here\n`)
    expect(missing).not.toContain('bash')
  })
})
