// One Postgres a test run, started before the first file and stopped after the last; its URL is `inject('postgresUrl')`.

import type { TestProject } from 'vitest/node'
import { launchPostgres } from './launch-postgres.ts'

declare module 'vitest' {
  interface ProvidedContext {
    postgresUrl: string | undefined
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await launchPostgres()
  project.provide('postgresUrl', server.url)
  return () => server.stop()
}
