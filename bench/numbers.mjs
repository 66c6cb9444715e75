// Medians and how they are printed.

export const sorted = (list) => [...list].sort((a, b) => a - b)
/** @param share 0.5 is the median, 0.99 the p99 */
export const at = (list, share) => sorted(list)[Math.min(list.length - 1, Math.floor(list.length * share))]
export const median = (list) => at(list, 0.5)
export const show = (x, digits = 2) => (x === undefined ? '–' : x.toFixed(digits))
