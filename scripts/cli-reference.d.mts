import type { Command } from 'commander'

/** docs/cli.md from a program with all its commands, and where each works. */
export function referenceOf(program: Command, reach: Readonly<Record<string, string>>): string
