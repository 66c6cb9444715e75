// Zones of DAGs, which no run of a server's answers names: asked once a DAG.

import { pathOf, type RestClient } from './client.ts'

export class Zones {
  private readonly client: RestClient
  private readonly known = new Map<string, Promise<string>>()

  constructor(client: RestClient) {
    this.client = client
  }

  of(dagId: string): Promise<string> {
    const found = this.known.get(dagId) ?? this.ask(dagId)
    this.known.set(dagId, found)
    return found
  }

  private async ask(dagId: string): Promise<string> {
    const details = await this.client.find(pathOf`/api/v2/dags/${dagId}/details`)
    return details?.textOrNull('timezone') ?? 'UTC'
  }
}
