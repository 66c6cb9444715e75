// States of instances in words, for pages.

import { cellState, STATE_NAMES, stateOf } from './cells.ts'
import type { Tally } from './tally.ts'

export const stateName = (state: string | null): string => STATE_NAMES[cellState(state)]
const nameOf = (letter: string): string => STATE_NAMES[stateOf(letter) ?? 'none'].toLowerCase()

/** `1 failed, 11 success` */
export const tallyWords = (tally: Tally): string =>
  tally.map(([letter, n]) => `${n.toLocaleString('en')} ${nameOf(letter)}`).join(', ')

export const tallyChips = (tally: Tally) =>
  tally.map(([letter, n]) => {
    const state = stateOf(letter) ?? 'none'
    return { state, name: STATE_NAMES[state], n: n.toLocaleString('en') }
  })
