// The frame of an API operation: who may, what was asked, what is answered. Operations of the document that are not
// registered answer 404 with a sentence.

import { type Request, type Response, Router } from 'express'
import type { Role } from '../../engine/admin/accounts.ts'
import type { Actor } from '../../engine/engine.ts'
import { requireRole, whoIs } from '../auth/guard.ts'
import { type Principal, withoutAccount } from '../auth/tokens.ts'
import type { Web } from '../deps.ts'
import { sendJson } from '../http/json.ts'
import { Query } from '../http/query.ts'

export interface Call {
  readonly web: Web
  readonly req: Request
  readonly res: Response
  readonly query: Query
  readonly who: Principal
  /** The same, as the engine's verbs know them. */
  readonly actor: Actor
  /** A part of the path, decoded. */
  param(name: string): string
}

type Method = 'get' | 'post' | 'patch' | 'put' | 'delete'

const NOBODY = withoutAccount({ username: '', role: 'viewer', via: 'local', sessionId: '' })

export class ApiRoutes {
  readonly router = Router()
  /** `get /dags/{dag_id}` of every operation that is served. */
  readonly served = new Set<string>()
  private readonly web: Web

  constructor(web: Web) {
    this.web = web
  }

  /** `path` as the document writes it, after `/api/v2`. `null` role = public; an undefined answer was sent already. */
  on(method: Method, path: string, role: Role | null, status: number, handle: (call: Call) => Promise<unknown>): void {
    this.served.add(`${method} ${path}`)
    const pattern = path.replaceAll(/\{(\w+)\}/g, ':$1')
    const answer = async (req: Request, res: Response) => {
      const who = role === null ? NOBODY : whoIs(req)
      const call: Call = {
        web: this.web,
        req,
        res,
        query: new Query(req),
        who,
        actor: { name: who.username, via: 'rest_api' },
        param: (name) => String(req.params[name] ?? ''),
      }
      const body = await handle(call)
      if (res.headersSent || res.writableEnded) return
      if (body === undefined) res.status(status).end()
      else sendJson(res, status, body)
    }
    if (role === null) this.router[method](pattern, answer)
    else this.router[method](pattern, requireRole(this.web, role), answer)
  }
}

/** `~` stands for all. */
export const orAll = (id: string): string | null => (id === '~' ? null : id)
