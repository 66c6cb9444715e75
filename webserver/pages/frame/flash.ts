// Toasts: what a form did is told by the page that the browser is sent to.

import type { Request, Response } from 'express'
import { readCookies } from '../../auth/guard.ts'
import { cookie } from './cookies.ts'
import { say } from './page-view.ts'

const FLASH_COOKIE = 'baram_flash'

/** What a toast can tell: a closed list, so that a cookie cannot put words on the page. */
const FLASHES: Readonly<Record<string, { text: string; undo?: (what: string) => { action: string; value: string } }>> =
  {
    paused: {
      text: '{what} is paused.',
      undo: (what) => ({ action: `/ui/dags/${encodeURIComponent(what)}/pause`, value: 'false' }),
    },
    unpaused: {
      text: '{what} runs by its schedule.',
      undo: (what) => ({ action: `/ui/dags/${encodeURIComponent(what)}/pause`, value: 'true' }),
    },
    triggered: { text: 'Triggered {what}.' },
    cleared: { text: 'Cleared {what}.' },
    marked: { text: 'Set to {what}.' },
    'note-saved': { text: 'Note of a run of {what} is saved.' },
    'run-deleted': { text: 'A run of {what} is deleted.' },
    'dag-deleted': { text: '{what} is deleted.' },
    'backfill-created': { text: 'Backfill of {what} begins.' },
    'backfill-paused': { text: 'The backfill of {what} starts no more runs.' },
    'backfill-unpaused': { text: 'The backfill of {what} goes on.' },
    'backfill-cancelled': { text: 'The backfill of {what} is cancelled.' },
    'password-changed': { text: 'Password changed. Other sessions were signed out.' },
    'variable-saved': { text: 'Variable {what} is saved.' },
    'variable-deleted': { text: 'Variable {what} is deleted.' },
    'connection-saved': { text: 'Connection {what} is saved.' },
    'connection-deleted': { text: 'Connection {what} is deleted.' },
  }

export function flash(res: Response, kind: string, what: string): void {
  const value = Buffer.from(JSON.stringify([kind, what])).toString('base64url')
  res.append('Set-Cookie', cookie(FLASH_COOKIE, value, 60))
}

function readFlash(text: string | undefined) {
  if (text === undefined || text === '') return null
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
    if (!Array.isArray(value)) return null
    // Proven an array; what its members are is looked at below.
    const [kind, what] = value as unknown[]
    if (typeof kind !== 'string' || typeof what !== 'string' || !Object.hasOwn(FLASHES, kind)) return null
    const told = FLASHES[kind]
    if (told === undefined) return null
    return { parts: say(told.text, { what }, 'what'), undo: told.undo?.(what) ?? null }
  } catch {
    return null // A cookie of somebody else's making says nothing.
  }
}

/** The toast that the last answer left, told once; null when there is none. */
export function takeFlash(req: Request, res: Response) {
  const told = readFlash(readCookies(req).get(FLASH_COOKIE))
  if (told !== null) res.append('Set-Cookie', cookie(FLASH_COOKIE, '', 0))
  return told
}
