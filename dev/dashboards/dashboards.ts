import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

/** What is read of a rendered dashboard; Grafana's own schema has more. */
export interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly description: string
  readonly editable: boolean
  readonly templating: { readonly list: readonly Variable[] }
  readonly panels: readonly Panel[]
}
export interface Variable {
  readonly name: string
  readonly type: string
  readonly label: string
  readonly multi: boolean
  readonly includeAll: boolean
  readonly allValue?: string
  readonly refresh?: number
  readonly query: string | { readonly query: string }
  readonly datasource?: { readonly uid: string }
}
export interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly description?: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly datasource?: { readonly uid: string }
  readonly targets?: readonly Target[]
  readonly options?: { readonly legend: { readonly showLegend: boolean; readonly placement: string } }
  readonly fieldConfig?: {
    readonly defaults: {
      readonly unit?: string
      readonly custom: {
        readonly drawStyle?: string
        readonly lineInterpolation?: string
        readonly stacking?: { readonly mode: string }
      }
    }
    readonly overrides: readonly { readonly matcher: { readonly options: string } }[]
  }
}
interface Target {
  readonly refId: string
  readonly expr: string
  readonly legendFormat: string
  readonly datasource: { readonly uid: string }
}

/** The rendered dashboards, by name. */
export function readDashboards(root: string): ReadonlyMap<string, Dashboard> {
  const paths = globSync('manifests/monitoring/dashboards/*.json', { cwd: root }).sort()
  return new Map(
    paths.map((path) => [basename(path, '.json'), JSON.parse(readFileSync(join(root, path), 'utf8')) as Dashboard]),
  )
}

/** Those that draw something: not the headings of rows. */
export const panelsOf = ({ panels }: Dashboard): readonly Panel[] => panels.filter(({ type }) => type !== 'row')

/**
 * A query as Grafana would send it. A variable without a value stands for all.
 * @throws Error if it takes one value, and none is given
 */
export function interpolated(
  expr: string,
  { templating }: Dashboard,
  values: Readonly<Record<string, string>>,
  rateInterval: string,
): string {
  let text = expr.replaceAll('$__rate_interval', rateInterval)
  for (const { name, allValue } of templating.list) {
    const value = values[name] ?? allValue
    const written = new RegExp(`\\$${name}\\b`, 'g')
    if (value === undefined && written.test(text)) throw new Error(`the variable ${name} has no value`)
    text = text.replace(written, () => value ?? '')
  }
  return text
}

/** What a variable offers: the values of `label` that series of `selector` have. Null for the data source. */
export function offerOf({ query }: Variable): { readonly selector: string; readonly label: string } | null {
  const text = typeof query === 'string' ? query : query.query
  const [, selector, label] = /^label_values\((.+), (\w+)\)$/.exec(text) ?? []
  return selector && label ? { selector, label } : null
}

/** The name of a series in the legend. */
export const legendOf = (format: string, labels: Readonly<Record<string, string>>): string =>
  format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_all, label) => labels[label] ?? '').trim()
