// Servers that a killed run left behind are stopped before the first test; those of this run after the last.

import { stopRealServers } from './real-servers.ts'

export default async function setup(): Promise<() => Promise<void>> {
  await stopRealServers()
  return stopRealServers
}
