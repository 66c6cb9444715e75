// Sizes for readers: `1.4 MB`, in powers of 1,000 as disks and networks count.

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const

export function byteText(bytes: number): string {
  let value = bytes
  let unit = 0
  // 999.5 would be shown as 1000.
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000
    unit += 1
  }
  const digits = unit === 0 || value >= 99.5 ? 0 : 1
  return `${value.toFixed(digits)} ${UNITS[unit] ?? 'B'}`
}
