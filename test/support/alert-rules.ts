import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

export interface Rule {
  readonly alert?: string
  readonly record?: string
  readonly expr: string
  readonly for?: string
  readonly labels?: Readonly<Record<string, string>>
}
export interface RuleObject {
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly spec: { readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[] }
}

/** What a test cannot wait for: minutes and days. Thresholds stay as they are. */
export interface Quickly {
  /** Instead of each range, and of what is looked back by. */
  readonly window: string
  /** Instead of how long a rule has to hold. */
  readonly pending: string
  /** Labels of each alert besides its own, that tell it from those of others. */
  readonly labels?: Readonly<Record<string, string>>
}

const folder = join(import.meta.dirname, '../../manifests/overlays/monitoring/alerts')

/** The rendered rules, each as its file has it. */
export const readRules = (): readonly RuleObject[] =>
  readdirSync(folder)
    .sort()
    .map((file): RuleObject => parse(readFileSync(join(folder, file), 'utf8')))
    .filter(({ kind }) => kind === 'PrometheusRule')

/** Such an expression, with each range of minutes shortened. */
export const overWindow = (expr: string, window: string): string =>
  expr.replaceAll(/\[\d+m\]/g, `[${window}]`).replaceAll(/ offset \d+m/g, ` offset ${window}`)

/** The rendered rules, in a hurry. */
export function quickRules({ window, pending, labels }: Quickly): readonly RuleObject[] {
  const quick = (rule: Rule): Rule => ({
    ...rule,
    expr: overWindow(rule.expr, window),
    ...(rule.for !== undefined && { for: pending }),
    ...(rule.alert !== undefined && { labels: { ...rule.labels, ...labels } }),
  })
  return readRules().map((object) => ({
    ...object,
    spec: { groups: object.spec.groups.map((group) => ({ ...group, rules: group.rules.map(quick) })) },
  }))
}

/** An alert as `/api/v1/alerts` has it. */
export interface SeenAlert {
  readonly state: 'pending' | 'firing'
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

/** What fires at a Prometheus, of that name and with these labels. */
export async function firing(
  url: string,
  alertname: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<readonly SeenAlert[]> {
  const wanted = Object.entries({ alertname, ...labels })
  const { data } = (await (await fetch(`${url}/api/v1/alerts`)).json()) as { data: { alerts: SeenAlert[] } }
  return data.alerts.filter(
    (alert) => alert.state === 'firing' && wanted.every(([key, value]) => alert.labels[key] === value),
  )
}
