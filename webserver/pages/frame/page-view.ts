// What a page gives the frame: where it stands, its sentence and its template's values.

import type { Request, Response } from 'express'
import { english, type Part, sentence, type Values } from './sentence.ts'

export type Section = 'home' | 'dags' | 'runs' | 'variables' | 'connections' | 'errors' | 'monitoring' | 'none'

export interface Crumb {
  readonly text: string
  readonly href: string
}

export interface PageView {
  readonly section: Section
  readonly crumbs: readonly Crumb[]
  readonly sentence: readonly Part[]
  /** Comma-separated topics the page hears of. */
  readonly topics?: string
  readonly scripts?: readonly string[]
  readonly zone?: string
  readonly isFlush?: boolean
  readonly view: object
}

/** A sentence in the reader's language; `code` names the values shown as code. */
export const say = (text: string, values: Values = {}, ...code: string[]): Part[] =>
  sentence(english, text, values, code)

/** Null when the answer was sent: a redirect. */
export type PageHandler = (req: Request, res: Response) => Promise<PageView | null>
