import type { GeneratedConfigMaps } from '../objects.ts'
import { autoscaling } from './autoscaling.ts'
import { type DashboardSpec, dashboardOf } from './dashboard.ts'
import { functions } from './functions.ts'
import { rabbitmqQueues } from './rabbitmq-queues.ts'

const dashboards: readonly DashboardSpec[] = [autoscaling, functions, rabbitmqQueues]

/** The folder of the rendered dashboards, relative to the root. */
export const dashboardFolder = 'manifests/monitoring/dashboards'

/** Each as Grafana imports it, by the name of its file. */
export function dashboardFiles(): ReadonlyMap<string, string> {
  return new Map(dashboards.map((spec) => [`${spec.name}.json`, `${JSON.stringify(dashboardOf(spec), null, 2)}\n`]))
}

/** ConfigMaps that Grafana's sidecar finds by their label, of whose value it wants the text "1". */
export const dashboardKustomization = (): GeneratedConfigMaps => ({
  apiVersion: 'kustomize.config.k8s.io/v1beta1',
  kind: 'Kustomization',
  configMapGenerator: dashboards.map(({ name }) => ({ name, files: [`${name}.json`] })),
  generatorOptions: {
    // Else each change would leave the old dashboard beside the new one.
    disableNameSuffixHash: true,
    labels: { 'app.kubernetes.io/part-of': 'kedafn', grafana_dashboard: '1' },
  },
})
