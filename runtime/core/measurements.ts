import { type Counters, noCounters } from './counters.ts'
import {
  type CounterName,
  type GaugeName,
  type HistogramName,
  labelValuesOf,
  type Metric,
  type MetricName,
  metrics,
  metricsOf,
} from './metrics.ts'

/** A histogram's state: how many values fell in each bucket, the last of which has no bound; and their sum. */
export interface Distribution {
  readonly buckets: readonly number[]
  readonly count: number
  readonly sum: number
}

interface Distributing {
  readonly buckets: number[]
  count: number
  sum: number
}

/** One metric at one moment: a value for each value of its label, or a single one under ''. */
export interface Family {
  readonly name: MetricName
  readonly metric: Metric
  readonly points: ReadonlyMap<string, number | Distribution>
}

/**
 * What is counted and measured, in plain variables: a delivery costs an addition or two, and whoever looks pays for the rest.
 * Labels have the values that are declared and no others, so the number of series never grows.
 */
export class Measurements {
  readonly counters: Counters = { ...noCounters }
  readonly #counts = new Map<string, Map<string, number>>()
  readonly #distributions = new Map<string, Map<string, Distributing>>()
  readonly #readings = new Map<string, Map<string, Set<() => number>>>()

  constructor() {
    for (const [name, metric] of Object.entries<Metric>(metrics)) {
      const values = labelValuesOf(metric)
      this.#readings.set(name, new Map(values.map((label) => [label, new Set()])))
      if (metric.kind === 'counter') this.#counts.set(name, new Map(values.map((label) => [label, 0])))
      if (metric.kind !== 'histogram') continue
      const buckets = () => new Array<number>((metric.bounds as readonly number[]).length + 1).fill(0)
      this.#distributions.set(name, new Map(values.map((label) => [label, { buckets: buckets(), count: 0, sum: 0 }])))
    }
  }

  count(name: CounterName, n: number, label = ''): void {
    const series = seriesOf(this.#counts, name)
    const known = knownLabel(series, label)
    series.set(known, (series.get(known) as number) + n)
  }

  record(name: HistogramName, value: number, label = '', times = 1): void {
    const series = seriesOf(this.#distributions, name)
    const distribution = series.get(knownLabel(series, label)) as Distributing
    const { bounds } = metrics[name]
    let bucket = 0
    while (value > (bounds[bucket] ?? Number.POSITIVE_INFINITY)) bucket++
    distribution.buckets[bucket] = (distribution.buckets[bucket] as number) + times
    distribution.count += times
    distribution.sum += value * times
  }

  /** Whoever looks asks `read`, until the returned function is called. The readings of one series are added up. */
  observe(name: GaugeName | CounterName, read: () => number, label = ''): () => void {
    const series = seriesOf(this.#readings, name)
    const readings = series.get(knownLabel(series, label)) as Set<() => number>
    readings.add(read)
    return () => void readings.delete(read)
  }

  /** Every metric of one kind of function, as things stand. */
  families(of: 'consumer' | 'producer'): readonly Family[] {
    return metricsOf(of).map(([name, metric]) => {
      const points = labelValuesOf(metric).map((label) => [label, this.#value(name, metric, label)] as const)
      return { name, metric, points: new Map(points) }
    })
  }

  #value(name: MetricName, { totals }: Metric, label: string): number | Distribution {
    const total = totals?.[label]
    if (total !== undefined) return this.counters[total]
    const distribution = this.#distributions.get(name)?.get(label)
    if (distribution) return { ...distribution, buckets: [...distribution.buckets] }
    let value = this.#counts.get(name)?.get(label) ?? 0
    for (const read of seriesOf(this.#readings, name).get(label) as Set<() => number>) value += read()
    return value
  }
}

const seriesOf = <T>(all: ReadonlyMap<string, Map<string, T>>, name: MetricName): Map<string, T> =>
  all.get(name) as Map<string, T>

/** n.b. a map keeps the order of its keys: the last label declared stands for all that is not. */
function knownLabel(series: ReadonlyMap<string, unknown>, label: string): string {
  return series.has(label) ? label : ([...series.keys()].at(-1) as string)
}
