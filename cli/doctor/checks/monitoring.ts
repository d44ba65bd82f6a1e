import { clustersOf, type Facts } from '../facts.ts'
import type { Check, Finding } from '../finding.ts'
import { deploymentsOf, functionContainer, inPlace, selects, settingsOf, subjectOf } from '../places.ts'

const releaseLabel: Check = {
  id: 'release-label',
  title: 'a PodMonitor that no Prometheus selects',
  find: (facts) =>
    clustersOf(facts).flatMap((place) => {
      if (place.prometheuses.length === 0) return []
      const wanted = place.prometheuses.flatMap(({ spec }) =>
        Object.entries(spec.podMonitorSelector?.matchLabels ?? {}),
      )
      return place.podMonitors
        .filter(
          ({ metadata }) => !place.prometheuses.some(({ spec }) => selects(spec.podMonitorSelector, metadata.labels)),
        )
        .map(({ metadata }) => ({
          severity: 'warning',
          subject: subjectOf(place, 'PodMonitor', metadata.name),
          what: 'No Prometheus selects it.',
          why: 'The metrics of these pods are collected by nobody: dashboards are empty and alerts never fire.',
          evidence: [
            `its label release is ${metadata.labels?.release ?? 'not set'}`,
            ...place.prometheuses.map(
              (one) =>
                `Prometheus ${one.metadata.namespace}/${one.metadata.name} selects ${JSON.stringify(one.spec.podMonitorSelector ?? null)}`,
            ),
          ],
          mend: [
            `kubectl -n ${place.namespace} label podmonitor ${metadata.name} --overwrite ${wanted.map(([key, value]) => `${key}=${value}`).join(' ') || 'release=prometheus-operator'}`,
          ],
        }))
    }),
}

const standardPort = 9464

/** What is wrong with the way from Prometheus to a function's metrics, in words. */
function portProblems(facts: Facts): readonly Finding[] {
  return facts.places.flatMap((place) =>
    facts.functions.flatMap((plan) =>
      deploymentsOf(place, plan).flatMap((deployment): Finding[] => {
        const container = functionContainer(deployment)
        if (!container) return []
        const settings = settingsOf(place, container)
        const opened = Number(settings.OTEL_EXPORTER_PROMETHEUS_PORT ?? standardPort)
        const ports = container.ports ?? []
        const labels = deployment.spec.template.metadata?.labels
        const endpoints = place.podMonitors
          .filter(({ spec }) => selects(spec.selector, labels))
          .flatMap(({ metadata, spec }) =>
            (spec.podMetricsEndpoints ?? []).map(({ port }) => ({ monitor: metadata.name, port })),
          )
        const evidence = [
          ...(settings.KEDAFN_METRICS === 'off' ? ['KEDAFN_METRICS is off: no port is opened'] : []),
          ...(ports.length > 0 && !ports.some(({ containerPort }) => containerPort === opened)
            ? [
                `the function opens port ${opened}, the container declares ${ports.map(({ containerPort }) => containerPort).join(', ')}`,
              ]
            : []),
          ...endpoints
            .filter(({ port }) => port !== undefined && !ports.some(({ name }) => name === port))
            .map(
              ({ monitor, port }) =>
                `PodMonitor ${monitor} asks for the port named '${port}', the container has ${ports.map(({ name }) => name).join(', ') || 'none'}`,
            ),
        ]
        if (evidence.length === 0) return []
        const command = `set env deployment/${deployment.metadata.name} OTEL_EXPORTER_PROMETHEUS_PORT- KEDAFN_METRICS-`
        return [
          {
            severity: 'warning',
            subject: subjectOf(place, 'Deployment', deployment.metadata.name),
            what: 'Its metrics are not where Prometheus and the probes look for them.',
            why: 'Dashboards stay empty; probes that ask the wrong port end the container.',
            evidence,
            mend: [
              inPlace(place, command, 'node build.mjs --manifests'),
              'podMetricsEndpoints: [{port: metrics}], and a container port of that name, 9464',
            ],
          },
        ]
      }),
    ),
  )
}

const metricsPort: Check = {
  id: 'metrics-port',
  title: 'metrics on another port than the one that is asked',
  find: portProblems,
}

const dashboardLabel: Check = {
  id: 'dashboard-label',
  title: 'dashboards that Grafana does not pick up',
  find: ({ places }) =>
    places.flatMap((place) =>
      place.configMaps
        .filter(({ metadata }) => !['1', undefined].includes(metadata.labels?.grafana_dashboard))
        .map(({ metadata }) => ({
          severity: 'warning',
          subject: subjectOf(place, 'ConfigMap', metadata.name),
          what: `Its label grafana_dashboard is "${metadata.labels?.grafana_dashboard}", not "1".`,
          why: "Grafana's sidecar looks for that very value: the dashboards do not appear.",
          evidence: [`grafana_dashboard: "${metadata.labels?.grafana_dashboard}"`],
          mend: [
            inPlace(
              place,
              `label configmap ${metadata.name} --overwrite grafana_dashboard=1`,
              'grafana_dashboard: "1"',
            ),
          ],
        })),
    ),
}

/** Who sees what happens. */
export const monitoringChecks = [releaseLabel, metricsPort, dashboardLabel]
