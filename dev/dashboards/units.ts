/** A number as Grafana shows it in its unit, in three digits. */
export function inUnit(value: number, unit: string): string {
  if (!Number.isFinite(value)) return '–'
  switch (unit) {
    case 's':
      return Math.abs(value) >= 1 || value === 0 ? `${digits(value)} s` : `${digits(value * 1000)} ms`
    case 'bytes':
      return scaled(value, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB'])
    case 'decbytes':
      return scaled(value, 1000, ['B', 'kB', 'MB', 'GB', 'TB'])
    case 'cps':
      return `${scaled(value, 1000, ['', 'K', 'M'])} c/s`
    case 'percentunit':
      return `${digits(value * 100)} %`
    case 'bool':
      return value === 0 ? 'no' : 'yes'
    default:
      return scaled(value, 1000, ['', 'K', 'M', 'G'])
  }
}

const digits = (value: number): string => String(Number(value.toPrecision(3)))

function scaled(value: number, base: number, prefixes: readonly string[]): string {
  let at = 0
  while (Math.abs(value) >= base && at < prefixes.length - 1) {
    value /= base
    at++
  }
  return `${digits(value)} ${prefixes[at]}`.trimEnd()
}

/** The highest tick of an axis and the distance between ticks: 1, 2 or 5 times a power of ten, four or so of them. */
export function axisOf(highest: number, unit: string): { readonly top: number; readonly step: number } {
  if (highest <= 0) return { top: 1, step: 1 }
  const prefix = unit === 'bytes' ? 1024 ** Math.floor(Math.log2(highest) / 10) : 1
  if (prefix > 1) {
    const { top, step } = axisOf(highest / prefix, 'short')
    return { top: top * prefix, step: step * prefix }
  }
  const wanted = highest / 4
  const power = 10 ** Math.floor(Math.log10(wanted))
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= wanted) ?? 10) * power
  return { top: Math.ceil(highest / step - 1e-9) * step || step, step }
}
