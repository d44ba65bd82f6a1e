import assert from 'node:assert/strict'
import { test } from 'node:test'
import { abortAfterMs } from '../../runtime/core/scale.ts'
import { type KubernetesObject, kustomizations, rendered } from './kustomizations.ts'

/** What KEDA's RabbitMQ scaler reads of a trigger's metadata; anything else passes in silence. */
const scalerOptions = new Set([
  ...['queueName', 'mode', 'value', 'activationValue', 'host', 'hostFromEnv', 'protocol', 'vhostName', 'unsafeSsl'],
  ...['excludeUnacknowledged', 'useRegex', 'pageSize', 'operation', 'timeout'],
])

const ofKind = (objects: readonly KubernetesObject[], ...kinds: string[]) =>
  objects.filter(({ kind }) => kinds.includes(kind))
const variableOf = (container: { env?: { name: string; value?: string }[] }, name: string) =>
  container.env?.find((variable) => variable.name === name)?.value
/** An endpoint may be anywhere but on the cloud's own addresses. */
const anywhere = (...ports: number[]) => ({
  to: [{ ipBlock: { cidr: '0.0.0.0/0', except: ['169.254.0.0/16'] } }, { ipBlock: { cidr: '::/0' } }],
  ports: ports.map((port) => ({ protocol: 'TCP', port })),
})
const templateOf = ({ spec }: KubernetesObject) => spec.template ?? spec.jobTargetRef.template

for (const folder of kustomizations) {
  test(`${folder} renders, each object once`, () => {
    const ids = rendered(folder).map(({ kind, metadata }) => `${kind}/${metadata.name}`)
    assert.ok(ids.length > 0)
    assert.deepEqual(ids, [...new Set(ids)])
  })

  test(`${folder}: every pod keeps to the restricted policy`, () => {
    for (const object of ofKind(rendered(folder), 'Deployment', 'StatefulSet', 'ScaledJob')) {
      const { spec } = templateOf(object)
      assert.equal(spec.automountServiceAccountToken, false)
      assert.equal(spec.securityContext.runAsNonRoot, true)
      assert.equal(spec.securityContext.seccompProfile.type, 'RuntimeDefault')
      assert.ok(spec.securityContext.fsGroup > 0)
      for (const container of spec.containers) {
        assert.equal(container.securityContext.allowPrivilegeEscalation, false)
        assert.deepEqual(container.securityContext.capabilities, { drop: ['ALL'] })
        assert.equal(container.imagePullPolicy, 'IfNotPresent')
        assert.equal(container.resources.limits.cpu, undefined)
        if (container.name === 'function') assert.equal(container.securityContext.readOnlyRootFilesystem, true)
      }
      for (const { hostPath } of spec.volumes) assert.equal(hostPath, undefined)
    }
  })

  test(`${folder}: a function ends itself before it is killed, and only producers have a number of replicas`, () => {
    for (const object of ofKind(rendered(folder), 'Deployment', 'ScaledJob')) {
      const { spec, metadata } = templateOf(object)
      const graceMs = Number(variableOf(spec.containers[0], 'KEDAFN_GRACE_MS'))
      assert.ok(spec.terminationGracePeriodSeconds * 1000 >= graceMs + 5000)
      if (object.kind !== 'Deployment') continue
      const producer = metadata.labels['app.kubernetes.io/component'] === 'producer'
      assert.equal(object.spec.replicas, producer ? 1 : undefined)
      assert.equal(object.spec.strategy.type, producer ? 'Recreate' : 'RollingUpdate')
      if (!producer) assert.ok(abortAfterMs(graceMs) >= 300_000)
    }
  })

  test(`${folder}: a trigger says nothing that KEDA does not read, and all in strings`, () => {
    for (const { kind, metadata, spec } of ofKind(rendered(folder), 'ScaledObject', 'ScaledJob')) {
      assert.ok(metadata.name.length <= 54)
      if (kind === 'ScaledObject') assert.ok(spec.minReplicaCount <= spec.maxReplicaCount)
      for (const trigger of spec.triggers) {
        for (const value of Object.values(trigger.metadata)) assert.equal(typeof value, 'string')
        if (trigger.type !== 'rabbitmq') continue
        for (const key of Object.keys(trigger.metadata)) assert.ok(scalerOptions.has(key), key)
        assert.ok(Number(trigger.metadata.value) > 0)
        if (kind === 'ScaledObject' && trigger.metadata.protocol === 'amqp') assert.ok(spec.cooldownPeriod >= 330)
      }
    }
  })

  test(`${folder}: a function reaches names and broker alone, and only Prometheus reaches it`, () => {
    for (const { metadata, spec } of ofKind(rendered(folder), 'NetworkPolicy')) {
      assert.deepEqual(spec.policyTypes, ['Ingress', 'Egress'])
      assert.deepEqual(spec.ingress, [
        {
          from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
          ports: [{ protocol: 'TCP', port: 'metrics' }],
        },
      ])
      const [dns, broker, ...others] = spec.egress
      assert.deepEqual(
        [dns, broker].map(({ ports }) => ports.map(({ port }: { port: number }) => port)),
        [
          [53, 53],
          [5672, 5671],
        ],
      )
      assert.deepEqual(broker.to, [{ podSelector: { matchLabels: { 'app.kubernetes.io/name': 'rabbitmq' } } }])
      assert.deepEqual(others, metadata.name === 'log-alerts' ? [anywhere(80, 443)] : [])
    }
  })

  test(`${folder}: what selects pods of a function selects those of one Deployment`, () => {
    const objects = rendered(folder)
    const deployments = ofKind(objects, 'Deployment')
    if (deployments.length === 0) return
    for (const { kind, metadata, spec } of ofKind(objects, 'PodMonitor', 'PodDisruptionBudget', 'NetworkPolicy')) {
      const { matchLabels } = spec.podSelector ?? spec.selector
      const selected = deployments.filter(({ spec: { template } }) =>
        Object.entries(matchLabels).every(([key, value]) => template.metadata.labels[key] === value),
      )
      assert.deepEqual(
        selected.map((one) => one.metadata.name),
        [metadata.name],
        kind,
      )
      if (kind === 'PodMonitor') assert.equal(metadata.labels?.release, 'prometheus-operator')
    }
  })

  test(`${folder}: a queue is durable and outlives its object`, () => {
    for (const { kind, spec } of ofKind(rendered(folder), 'Queue', 'Vhost')) {
      assert.equal(spec.deletionPolicy, 'retain')
      if (kind === 'Queue') assert.equal(spec.durable, true)
      assert.ok('rabbitmqClusterReference' in spec !== 'connectionSecret' in spec)
    }
  })
}
