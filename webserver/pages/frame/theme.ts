// The theme a reader chose: light, dark, or what the system has.

import type { Request, Response } from 'express'
import { localPath } from '../../api/index.ts'
import { checkWrite, identify, readCookies } from '../../auth/guard.ts'
import type { Web } from '../../deps.ts'
import { formField } from '../forms/form-field.ts'
import { cookie } from './cookies.ts'

export const THEMES = ['system', 'light', 'dark'] as const
type Theme = (typeof THEMES)[number]

const THEME_COOKIE = 'baram_theme'
const YEAR_SECONDS = 31_536_000

const themeNamed = (text: string | undefined): Theme => THEMES.find((name) => name === text) ?? 'system'

export const readTheme = (req: Request): Theme => themeNamed(readCookies(req).get(THEME_COOKIE))

export async function postTheme(web: Web, req: Request, res: Response): Promise<void> {
  const who = await identify(web, req)
  if (who !== null) checkWrite(web, req, who)
  const theme = themeNamed(formField(req.body, 'theme'))
  res.append('Set-Cookie', cookie(THEME_COOKIE, theme, YEAR_SECONDS))
  res.redirect(303, localPath(formField(req.body, 'here')))
}
