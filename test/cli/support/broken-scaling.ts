import {
  type Case,
  cluster,
  deployment,
  files,
  found,
  inCluster,
  inFiles,
  management,
  metadata,
  queue,
  scaled,
  setEnv,
} from './broken.ts'

/** What the broker, triggers and numbers can have wrong. */
export const brokenScaling: readonly Case[] = [
  {
    title: 'a spec that cannot be read',
    expected: ['spec-invalid: functions/'],
    break: (world) => Object.assign(world, { specProblem: 'it cannot', functions: [] }),
  },
  {
    title: 'manifests that drifted',
    expected: ['manifests-drift: manifests'],
    break: (world) => world.drift.push('keda/base/log-consumer.yaml'),
  },
  {
    title: 'a Queue object whose deletion deletes',
    expected: [`deletion-policy: Queue logs ${inFiles}`],
    break: (world) =>
      Reflect.deleteProperty(
        found(files(world).topology.find(({ kind, metadata: { name } }) => kind === 'Queue' && name === 'logs')).spec,
        'deletionPolicy',
      ),
  },
  {
    title: 'a Secret that the topology operator refuses',
    expected: [`topology-secret-label: Secret rabbitmq-scaler ${inCluster}`],
    break: (world) =>
      cluster(world).topology.push({
        kind: 'User',
        metadata: { name: 'one' },
        spec: { importCredentialsSecret: { name: 'rabbitmq-scaler' } },
      }),
  },
  {
    title: 'a topology object that could not be made',
    expected: [`topology-object-not-ready: Exchange one ${inCluster}`],
    break: (world) =>
      cluster(world).topology.push({
        kind: 'Exchange',
        metadata: { name: 'one' },
        spec: {},
        status: { conditions: [{ type: 'Ready', status: 'False', message: 'no vhost' }] },
      }),
  },
  {
    title: 'a node that is down',
    expected: ['node-down: node rabbit@one'],
    break: (world) => Object.assign(found(management(world).nodes[0]), { running: false }),
  },
  {
    title: 'an alarm for the disk',
    expected: ['broker-alarm: node rabbit@one'],
    break: (world) => Object.assign(found(management(world).nodes[0]), { diskAlarm: true }),
  },
  {
    title: 'a queue without counts',
    expected: ['queue-uncounted: queue logs'],
    break: (world) => Object.assign(queue(world, 'logs'), { messages: null }),
  },
  {
    title: 'a RabbitMQ before 3.10',
    expected: ['rabbitmq-old: broker rabbitmq:5672'],
    break: (world) => Object.assign(management(world), { version: '3.9.29' }),
  },
  {
    title: 'a clock of the API server that differs',
    expected: ['clock-skew: the API server of namespace kedafn'],
    break: (world) => Object.assign(cluster(world), { clock: world.now + 60_000 }),
  },
  {
    title: 'dead letters that grow as the management says',
    expected: ['dead-letters: queue logs.dead'],
    break: (world) => {
      Object.assign(queue(world, 'logs.dead'), { growth: 0.5 })
      Object.assign(world.broker.amqp, {
        depths: { logs: { ready: 0, consumers: 1 }, 'logs.dead': { ready: 3, consumers: 0 } },
      })
    },
  },
  {
    title: 'a crash loop among the dead letters',
    expected: ['delivery-limit: queue logs.dead'],
    break: (world) => Object.assign(world.broker.amqp, { dead: { logs: [{ code: 'FN_CRASH_LOOP', reason: null }] } }),
  },
  {
    title: 'a quorum queue that is in the minority',
    expected: ['queue-no-leader: queue logs'],
    break: (world) => Object.assign(queue(world, 'logs'), { state: 'minority', online: [] }),
  },
  {
    title: 'KEDA without permission on amqp',
    expected: ['permission-missing: user scaler'],
    break: (world) => {
      metadata(cluster(world)).protocol = 'amqp'
      scaled(cluster(world)).spec.cooldownPeriod = 330
      Object.assign(found(management(world).users?.find(({ name }) => name === 'scaler')), {
        permissions: { configure: '^$', write: '^$', read: '^other$' },
      })
    },
  },
  {
    title: 'KEDA without a record on the vhost',
    expected: ['permission-missing: user scaler'],
    break: (world) =>
      Object.assign(found(management(world).users?.find(({ name }) => name === 'scaler')), { permissions: null }),
  },
  {
    title: "KEDA's user without a tag",
    expected: ['scaler-untagged: user scaler'],
    break: (world) =>
      Object.assign(found(management(world).users?.find(({ name }) => name === 'scaler')), { tags: [] }),
  },
  {
    title: 'a trigger that reads another queue',
    expected: [`trigger-other-queue: ScaledObject log-consumer ${inCluster}`],
    break: (world) => Object.assign(metadata(cluster(world)), { queueName: 'logs.history' }),
  },
  {
    title: 'a vhost that is encoded',
    expected: [`trigger-vhost: ScaledObject log-consumer ${inFiles}`],
    break: (world) => Object.assign(metadata(files(world)), { vhostName: '%2F' }),
  },
  {
    title: 'a vhost with a space',
    expected: [`trigger-vhost: ScaledObject log-consumer ${inFiles}`],
    break: (world) => Object.assign(metadata(files(world)), { vhostName: 'a b' }),
  },
  {
    title: 'another vhost than the function has',
    expected: [`trigger-vhost: ScaledObject log-consumer ${inFiles}`],
    break: (world) => Object.assign(metadata(files(world)), { vhostName: 'other' }),
  },
  {
    title: 'a password in the address that ends it',
    expected: [`trigger-host: ScaledObject log-consumer ${inCluster}`],
    break: (world) => Object.assign(metadata(cluster(world)), { host: 'http://me:a#b@rabbitmq:15672/' }),
  },
  {
    title: 'metadata that KEDA does not know',
    expected: [`trigger-metadata: ScaledObject log-consumer ${inFiles}`],
    break: (world) => Object.assign(metadata(files(world)), { vHostName: 'x' }),
  },
  {
    title: 'a number for text',
    expected: [`trigger-metadata: ScaledObject log-consumer ${inFiles}`],
    break: (world) => Object.assign(metadata(files(world)), { value: 1000 }),
  },
  {
    title: 'queueLength',
    expected: [`trigger-metadata: ScaledObject log-consumer ${inFiles}`],
    break: (world) => {
      Reflect.deleteProperty(metadata(files(world)), 'value')
      metadata(files(world)).queueLength = '1000'
    },
  },
  {
    title: 'amqp with long handlers',
    expected: [`ready-only-long-handlers: ScaledObject log-consumer ${inFiles}`],
    break: (world) => Object.assign(metadata(files(world)), { protocol: 'amqp' }),
  },
  {
    title: 'unacked messages left out with long handlers',
    expected: [`ready-only-long-handlers: ScaledObject log-consumer ${inFiles}`],
    break: (world) => Object.assign(metadata(files(world)), { excludeUnacknowledged: 'true' }),
  },
  {
    title: 'a ScaledJob that leaves unacked messages out',
    expected: [`scaledjob-ready-only: ScaledJob log-consumer ${inCluster}`],
    break: (world) =>
      cluster(world).scaledJobs.push({
        metadata: { name: 'log-consumer' },
        spec: {
          rollout: { strategy: 'gradual' },
          triggers: [{ type: 'rabbitmq', metadata: { queueName: 'logs', excludeUnacknowledged: 'true' } }],
        },
      }),
  },
  {
    title: 'a ScaledJob whose change ends its Jobs',
    expected: [`scaledjob-ready-only: ScaledJob log-consumer ${inCluster}`],
    break: (world) =>
      cluster(world).scaledJobs.push({
        metadata: { name: 'log-consumer' },
        spec: { triggers: [{ type: 'rabbitmq', metadata: { queueName: 'logs' } }] },
      }),
  },
  {
    title: 'a value below the prefetch',
    expected: [`prefetch-starves: ScaledObject log-consumer ${inFiles}`],
    break: (world) => Object.assign(metadata(files(world)), { value: '20' }),
  },
  {
    title: 'a batch that was enlarged by a variable',
    expected: [`prefetch-starves: ScaledObject log-consumer ${inCluster}`],
    break: (world) => setEnv(cluster(world), 'KEDAFN_BATCH_SIZE', '2000'),
  },
  {
    title: 'SIGKILL before the own end',
    expected: [`grace-short: Deployment log-consumer ${inCluster}`],
    break: (world) =>
      Object.assign(deployment(cluster(world)).spec.template.spec, { terminationGracePeriodSeconds: 30 }),
  },
  {
    title: 'a grace that is shorter than a handler',
    expected: [`grace-short: Deployment log-consumer ${inFiles}`],
    break: (world) => setEnv(files(world), 'KEDAFN_GRACE_MS', '30000'),
  },
  {
    title: 'replicas in a file',
    expected: [`replicas-in-manifest: Deployment log-consumer ${inFiles}`],
    break: (world) => Object.assign(deployment(files(world)).spec, { replicas: 1 }),
  },
  {
    title: 'replicas in what was applied',
    expected: [`replicas-in-manifest: Deployment log-consumer ${inCluster}`],
    break: (world) =>
      Object.assign(deployment(cluster(world)).metadata, {
        annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{"spec":{"replicas":1}}' },
      }),
  },
  {
    title: 'replicas in what was applied by the server',
    expected: [`replicas-in-manifest: Deployment log-consumer ${inCluster}`],
    break: (world) =>
      Object.assign(deployment(cluster(world)).metadata, {
        managedFields: [{ manager: 'kubectl', operation: 'Apply', fieldsV1: { 'f:spec': { 'f:replicas': {} } } }],
      }),
  },
  {
    title: 'a short cooldown',
    expected: [`cooldown-short: ScaledObject log-consumer ${inFiles}`],
    break: (world) => Object.assign(scaled(files(world)).spec, { cooldownPeriod: 10 }),
  },
  {
    title: 'a fallback to nothing',
    expected: [`fallback-zero: ScaledObject log-consumer ${inFiles}`],
    break: (world) => Object.assign(scaled(files(world)).spec, { fallback: { replicas: 0 } }),
  },
  {
    title: 'a long name',
    expected: [`name-long: ScaledObject ${'a'.repeat(55)} ${inFiles}`],
    break: (world) => Object.assign(scaled(files(world)).metadata, { name: 'a'.repeat(55) }),
  },
  {
    title: 'an API of KEDA 1',
    expected: [`keda-api-old: ScaledObject log-consumer ${inFiles}`],
    break: (world) => Object.assign(scaled(files(world)), { apiVersion: 'keda.k8s.io/v1alpha1' }),
  },
]
