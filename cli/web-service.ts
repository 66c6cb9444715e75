// The web server by the contract of every service (runtime/service.ts).

import { Lifecycle, type Service } from '../runtime/service.ts'
import { startWebserver, type Webserver, type WebserverDeps } from '../webserver/server.ts'

export class WebService implements Service {
  private server: Webserver | null = null
  private readonly lifecycle: Lifecycle

  constructor(deps: WebserverDeps) {
    this.lifecycle = new Lifecycle({
      open: async () => {
        this.server = await startWebserver(deps)
      },
      close: async () => this.server?.close(),
    })
  }

  get url(): string | null {
    return this.server?.url ?? null
  }

  start(): Promise<void> {
    return this.lifecycle.start()
  }

  stop(): Promise<void> {
    return this.lifecycle.stop()
  }
}
