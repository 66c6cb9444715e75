// Security headers of every response, errors and streams included, and the nonce of the page's scripts.

import { randomBytes } from 'node:crypto'
import type { NextFunction, Request, Response } from 'express'
import helmet from 'helmet'

const nonces = new WeakMap<Response, string>()

/** What a page's own script elements carry. */
export const nonceOf = (res: Response): string => nonces.get(res) ?? ''

const others = helmet({
  contentSecurityPolicy: false,
  referrerPolicy: { policy: 'same-origin' },
  // Plain HTTP on loopback is the default; a proxy that ends TLS sets this header itself.
  strictTransportSecurity: false,
  xFrameOptions: { action: 'deny' },
})

export function securityHeaders(req: Request, res: Response, next: NextFunction): void {
  const nonce = randomBytes(16).toString('base64url')
  nonces.set(res, nonce)
  res.setHeader(
    'Content-Security-Policy',
    [
      "default-src 'none'",
      `script-src 'nonce-${nonce}'`,
      "style-src 'self'",
      "img-src 'self' data:",
      "font-src 'self'",
      "connect-src 'self'",
      "manifest-src 'self'",
      "form-action 'self'",
      "object-src 'none'",
      "base-uri 'none'",
      "frame-ancestors 'none'",
      'report-uri /csp-report',
    ].join('; '),
  )
  res.setHeader('Cache-Control', 'no-store')
  others(req, res, next)
}
