import { type Alert, alerts, recordings } from './alerts.ts'
import type { Kustomization, PrometheusRule } from './objects.ts'

/** Where they are rendered to: it holds nothing else. */
export const alertFolder = 'manifests/overlays/monitoring/alerts'

/** Of the alert's file, object and page in the runbook: KedafnNoConsumers is no-consumers. */
export const slugOf = (alert: string): string =>
  alert
    .replace(/^Kedafn/, '')
    .replaceAll(/(?!^)[A-Z]/g, (capital) => `-${capital}`)
    .toLowerCase()

function ruleObject(name: string, version: string, group: string, rules: readonly object[]): PrometheusRule {
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: {
      name: `kedafn-${name}`,
      labels: {
        'app.kubernetes.io/name': 'kedafn',
        'app.kubernetes.io/part-of': 'kedafn',
        'app.kubernetes.io/version': version,
        release: 'prometheus-operator',
      },
    },
    spec: { groups: [{ name: group, rules }] },
  }
}

function ruleOf({ alert, expr, severity, summary, description, for: pending }: Alert): object {
  return {
    alert,
    expr,
    ...(pending === undefined ? {} : { for: pending }),
    labels: { severity },
    annotations: { summary, description, runbook: `docs/runbooks/${slugOf(alert)}.md` },
  }
}

/** An object for the Prometheus operator for each alert, and one for what is recorded, by the name of its file. */
export function alertRules(version: string): ReadonlyMap<string, PrometheusRule> {
  return new Map([
    ['recordings', ruleObject('recordings', version, 'kedafn', recordings)],
    ...alerts.map(
      (alert) => [slugOf(alert.alert), ruleObject(slugOf(alert.alert), version, alert.alert, [ruleOf(alert)])] as const,
    ),
  ])
}

export const alertKustomization = (names: Iterable<string>): Kustomization => ({
  apiVersion: 'kustomize.config.k8s.io/v1beta1',
  kind: 'Kustomization',
  resources: [...names].map((name) => `${name}.yaml`).sort(),
})
