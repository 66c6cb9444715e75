// Each command is served by a server, or says in words that it is of one machine: one table, held against the commands there are.

import type { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { makeProgram } from '../../cli/program.ts'
import { pathOf, REACH } from '../../cli/reach.ts'

/** Commands that do something, with their paths. */
const leaves = (command: Command): readonly string[] =>
  command.commands.length === 0 ? [pathOf(command)] : command.commands.flatMap(leaves)

describe('the table of where commands work', () => {
  it('has every command there is, and no other', async () => {
    expect(Object.keys(REACH).toSorted()).toEqual(leaves(await makeProgram([])).toSorted())
  })
})
