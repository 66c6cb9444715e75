// docs/cli.md is what the commands say.

import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { makeProgram } from '../../cli/program.ts'
import { REACH } from '../../cli/reach.ts'
import { referenceOf } from '../../scripts/cli-reference.mjs'

it('docs/cli.md has every command as it is; if not: npm run build && node scripts/cli-reference.mjs', async () => {
  const text = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8')
  expect(text).toBe(referenceOf(await makeProgram([]), REACH))
})
