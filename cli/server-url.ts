// The address of a server as people give it.

import { BaramError } from '../core/errors.ts'

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

/** Whether what is sent there stays on this machine. */
export const isLoopback = (url: string): boolean => LOOPBACK.test(new URL(url).hostname)

/**
 * The address without a slash at its end, and without `/api/v2`, which clients of Airflow give too.
 * @param by what gave it, for the sentence
 * @throws BaramError INPUT_INVALID; what stands in the place of a password is not told
 */
export function readServerUrl(text: string, by: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.hostname === '')
    throw new BaramError(
      'INPUT_INVALID',
      `${by} must be an address of a server such as https://baram.example.com, found ${JSON.stringify(text.slice(0, 80))}`,
    )
  if (url.username !== '' || url.password !== '')
    throw new BaramError('INPUT_INVALID', `${by} must not hold a user or a password: sign in with dagctl login`)
  if (url.search !== '' || url.hash !== '')
    throw new BaramError(
      'INPUT_INVALID',
      `${by} must be an address without ? and #, found ${JSON.stringify(text.slice(0, 80))}`,
    )
  const path = url.pathname.replace(/\/+$/, '').replace(/\/api\/v2$/, '')
  return `${url.origin}${path}`
}
