/** What several rounds say together. */
export interface Summary {
  readonly median: number
  readonly min: number
  readonly max: number
}

export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('there is no median of nothing')
  const sorted = values.toSorted((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  return ((sorted[Math.floor(middle)] as number) + (sorted[Math.ceil(middle)] as number)) / 2
}

export function summaryOf(values: readonly number[]): Summary {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) }
}

/** Of each round its own ratio: what the machine does meanwhile hits both sides of a round. */
export function ratiosOf(values: readonly number[], floor: readonly number[]): readonly number[] {
  return values.slice(0, floor.length).map((value, round) => value / (floor[round] as number))
}

/** The value below which so much of the whole is: 0.99 for p99. */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new RangeError('there is no percentile of nothing')
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number
}

/**
 * By which power y grows with x: the slope of the straight line through the points on logarithmic axes. 1: twice the x, twice
 * the y; 0: y stays as it is.
 */
export function exponentOf(points: readonly (readonly [x: number, y: number])[]): number {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const)
  const mean = (list: readonly number[]) => list.reduce((sum, value) => sum + value, 0) / list.length
  const meanX = mean(logs.map(([x]) => x))
  const meanY = mean(logs.map(([, y]) => y))
  const across = logs.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0)
  const along = logs.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
  if (along === 0) throw new RangeError('an exponent needs two points with different x')
  return across / along
}
