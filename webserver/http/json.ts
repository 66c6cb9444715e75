// JSON answers, as Airflow sends them: without a charset, which some of its clients compare (JSON is UTF-8 by itself).

import type { Response } from 'express'

export function sendJson(res: Response, status: number, body: unknown): void {
  // Of a text Express would name the charset; of bytes it does not.
  res
    .status(status)
    .setHeader('Content-Type', 'application/json')
    .send(Buffer.from(JSON.stringify(body)))
}
