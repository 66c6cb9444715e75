// Upbit's request budget: so many requests a second for each group and address; past it 429, and 418 for who goes on.

export interface BudgetLimits {
  /** Default 10, Upbit's own for quotation groups. */
  readonly requestsPerSecond: number
  /** Refusals within ten seconds that make a block. Default 20. */
  readonly refusalsBeforeBlock: number
  /** Default 60. */
  readonly blockSeconds: number
}

export const UPBIT_LIMITS: BudgetLimits = { requestsPerSecond: 10, refusalsBeforeBlock: 20, blockSeconds: 60 }

export type Verdict =
  | { readonly kind: 'served'; readonly remaining: number }
  | { readonly kind: 'refused'; readonly remaining: 0 }
  | { readonly kind: 'blocked'; readonly seconds: number }

interface Account {
  second: number
  used: number
  refusals: number[]
  blockedUntil: number
}

export class RequestBudget {
  readonly #limits: BudgetLimits
  readonly #accounts = new Map<string, Account>()

  constructor(limits: BudgetLimits) {
    this.#limits = limits
  }

  /** Counts one request. @param account group and address */
  spend(account: string, now: number): Verdict {
    const own = this.#accounts.get(account) ?? { second: -1, used: 0, refusals: [], blockedUntil: 0 }
    this.#accounts.set(account, own)
    if (now < own.blockedUntil) return { kind: 'blocked', seconds: Math.ceil((own.blockedUntil - now) / 1_000) }
    const second = Math.floor(now / 1_000)
    if (own.second !== second) {
      own.second = second
      own.used = 0
    }
    own.used += 1
    const remaining = this.#limits.requestsPerSecond - own.used
    return remaining >= 0 ? { kind: 'served', remaining } : this.#refuse(own, now)
  }

  #refuse(own: Account, now: number): Verdict {
    own.refusals = [...own.refusals.filter((at) => at > now - 10_000), now]
    if (own.refusals.length <= this.#limits.refusalsBeforeBlock) return { kind: 'refused', remaining: 0 }
    own.blockedUntil = now + this.#limits.blockSeconds * 1_000
    own.refusals = []
    return { kind: 'blocked', seconds: this.#limits.blockSeconds }
  }
}
