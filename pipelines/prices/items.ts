// What is collected: one market, and items of it by the name of their middle class.

/** Garak, the market of the Seoul Agro-Fisheries & Food Corporation. Ids of documents have no market: another one wants an index of its own. */
export const GARAK = '110001'

export const PRICE_ITEMS = ['배추', '무', '양파', '대파', '사과'] as const satisfies readonly string[]
