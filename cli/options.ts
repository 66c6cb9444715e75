// Options that many commands share.

import type { Command } from 'commander'

/** Airflow's `-o`. */
export const withOutput = (command: Command): Command =>
  command.option('-o, --output <format>', 'table, json, yaml or plain', 'table')
