import {
  type Case,
  cluster,
  container,
  files,
  found,
  inCluster,
  inFiles,
  pod,
  queue,
  scaled,
  setEnv,
  status,
  type World,
} from './broken.ts'

/** What pods, KEDA and monitoring can have wrong. */
export const brokenCluster: readonly Case[] = [
  {
    title: 'an image that is not there',
    expected: [`image-missing: Deployment log-consumer ${inCluster}`],
    break: (world) =>
      Object.assign(status(world), { state: { waiting: { reason: 'ErrImagePull', message: 'not found' } } }),
  },
  {
    title: 'an image that was taken away',
    expected: [`bitnami-image: Deployment log-consumer ${inFiles}`],
    break: (world) => Object.assign(container(files(world)), { image: 'docker.io/bitnami/rabbitmq:4.1.3' }),
  },
  {
    title: 'a container without enough memory',
    expected: [`oom-killed: Deployment log-consumer ${inCluster}`],
    break: (world) =>
      Object.assign(status(world), {
        restartCount: 1,
        lastState: { terminated: { reason: 'OOMKilled', exitCode: 137 } },
      }),
  },
  {
    title: 'a crash loop',
    expected: [`crash-loop: Deployment log-consumer ${inCluster}`],
    break: (world) =>
      Object.assign(status(world), {
        restartCount: 4,
        state: { waiting: { reason: 'CrashLoopBackOff' } },
        lastState: { terminated: { exitCode: 1, message: 'FN_LOGIN_REFUSED' } },
      }),
  },
  {
    title: 'a Secret that is missing',
    expected: [`config-missing: Deployment log-consumer ${inCluster}`],
    break: (world) =>
      Object.assign(status(world), {
        state: { waiting: { reason: 'CreateContainerConfigError', message: 'secret not found' } },
      }),
  },
  {
    title: 'a pod that no node takes',
    expected: [`pod-unschedulable: Pod log-consumer-5d8f7c9b4-abcde ${inCluster}`],
    break: (world) =>
      Object.assign(found(pod(world).status), {
        conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }],
      }),
  },
  {
    title: 'a probe that ended a start',
    expected: [`liveness-before-start: Deployment log-consumer ${inCluster}`],
    break: (world) =>
      cluster(world).events.push({
        metadata: { name: 'e' },
        involvedObject: { kind: 'Pod', name: 'log-consumer-5d8f7c9b4-abcde' },
        reason: 'Killing',
        message: 'Container function failed startup probe, will be restarted',
      }),
  },
  {
    title: 'a liveness probe that waits for nothing',
    expected: [`liveness-before-start: Deployment log-consumer ${inFiles}`],
    break: (world) => {
      Reflect.deleteProperty(container(files(world)), 'startupProbe')
      container(files(world)).livenessProbe = { periodSeconds: 2, failureThreshold: 2 }
    },
  },
  {
    title: 'a ScaledObject that is not ready',
    expected: [`scaledobject-not-ready: ScaledObject log-consumer ${inCluster}`],
    break: (world) =>
      Object.assign(found(scaled(cluster(world)).status), {
        conditions: [{ type: 'Ready', status: 'False', reason: 'TriggerError', message: '401 Unauthorized' }],
      }),
  },
  {
    title: 'a ScaledObject that lives on its fallback',
    expected: [`scaledobject-fallback: ScaledObject log-consumer ${inCluster}`],
    break: (world) =>
      found(scaled(cluster(world)).status?.conditions).push({
        type: 'Fallback',
        status: 'True',
        reason: 'FallbackExists',
        message: 'At least one trigger is falling back on this scaled object',
      }),
  },
  {
    title: 'an old KEDA',
    expected: ['keda-old: KEDA 2.14.0'],
    break: (world) => Object.assign(world.keda, { version: '2.14.0' }),
  },
  ...['paused', 'paused-replicas', 'paused-scale-in'].map((name) => ({
    title: `the annotation ${name}`,
    expected: [`paused: ScaledObject log-consumer ${inCluster}`],
    break: (world: World) =>
      Object.assign(scaled(cluster(world)).metadata, { annotations: { [`autoscaling.keda.sh/${name}`]: 'true' } }),
  })),
  {
    title: 'an HPA at its maximum',
    expected: [`hpa-at-max: HorizontalPodAutoscaler keda-hpa-log-consumer ${inCluster}`],
    break: (world) =>
      Object.assign(found(cluster(world).hpas[0]), {
        status: {
          currentReplicas: 10,
          conditions: [{ type: 'ScalingLimited', status: 'True', reason: 'TooManyReplicas' }],
        },
      }),
  },
  {
    title: 'two autoscalers',
    expected: [`two-scalers: Deployment log-consumer ${inCluster}`],
    break: (world) =>
      cluster(world).hpas.push({
        metadata: { name: 'own' },
        spec: { scaleTargetRef: { name: 'log-consumer' }, maxReplicas: 3 },
      }),
  },
  {
    title: 'a consumer that nothing scales',
    expected: [`not-scaled: Deployment log-consumer ${inCluster}`],
    break: (world) => Object.assign(cluster(world), { scaledObjects: [], hpas: [] }),
  },
  {
    title: 'a KEDA that reads another number',
    expected: [`keda-reads-otherwise: ScaledObject log-consumer ${inCluster}`],
    break: (world) => {
      world.keda.values = [{ namespace: 'kedafn', scaledObject: 'log-consumer', metric: 's0-rabbitmq-logs', value: 0 }]
      Object.assign(queue(world, 'logs'), { messages: 5000 })
    },
  },
  {
    title: 'a PodMonitor that nobody selects',
    expected: [`release-label: PodMonitor log-consumer ${inCluster}`],
    break: (world) =>
      Object.assign(
        found(found(cluster(world).podMonitors.find((one) => one.metadata.name === 'log-consumer')).metadata.labels),
        { release: 'other' },
      ),
  },
  {
    title: 'metrics on another port',
    expected: [`metrics-port: Deployment log-consumer ${inFiles}`],
    break: (world) => setEnv(files(world), 'OTEL_EXPORTER_PROMETHEUS_PORT', '9999'),
  },
  {
    title: 'a PodMonitor for a port that is not there',
    expected: [`metrics-port: Deployment log-consumer ${inCluster}`],
    break: (world) =>
      Object.assign(
        found(
          found(cluster(world).podMonitors.find((one) => one.metadata.name === 'log-consumer')).spec
            .podMetricsEndpoints?.[0],
        ),
        { port: 'http' },
      ),
  },
  {
    title: 'a dashboard that Grafana does not see',
    expected: [`dashboard-label: ConfigMap one ${inCluster}`],
    break: (world) =>
      cluster(world).configMaps.push({ metadata: { name: 'one', labels: { grafana_dashboard: 'true' } } }),
  },
]
