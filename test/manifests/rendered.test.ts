import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse, parseAllDocuments } from 'yaml'
import { defineConsumer } from '../../runtime/index.ts'
import { renderedFiles } from '../../tooling/render/manifests.ts'
import { composed, type KubernetesObject, rendered } from './kustomizations.ts'

type Spec = Parameters<typeof defineConsumer>[0]

/** What is rendered of consumers, by its path. */
function filesOf(specs: Readonly<Record<string, Partial<Spec>>>): ReadonlyMap<string, string> {
  const facts = Object.entries(specs).map(([name, spec]) => ({
    name,
    spec: defineConsumer({ queue: name, handle: () => {}, ...spec }),
  }))
  return renderedFiles(facts, '0.0.0')
}
const objectsOf = (files: ReadonlyMap<string, string>, path: string): readonly KubernetesObject[] =>
  parseAllDocuments(files.get(path) ?? '').map((document) => document.toJS() as KubernetesObject)

test('with amqp each function cools down for its own timeout and 30 s, one that needs a value first too', () => {
  const files = filesOf({
    quick: { timeoutMs: 1500 },
    slow: { timeoutMs: 1_500_000 },
    needy: { env: { TOKEN: { secret: true } } },
  })
  type Patches = { patches: { target: { name?: string }; patch: string }[] }
  const { patches } = parse(files.get('keda/amqp/kustomization.yaml') ?? '') as Patches
  const cooldowns = patches.flatMap(({ target: { name }, patch }) => (name ? [[name, parse(patch)]] : []))
  const to = (value: number) => [{ op: 'replace', path: '/spec/cooldownPeriod', value }]
  assert.deepEqual(Object.fromEntries(cooldowns), { quick: to(32), slow: to(1530), needy: to(330) })
})

test('keda/amqp as it is: ready messages by AMQP, and the long cooldown', () => {
  const objects = composed('manifests/base', 'keda/amqp')
  const scaled = objects.filter(({ kind }) => kind === 'ScaledObject')
  assert.deepEqual(
    scaled.map(({ spec }) => [spec.triggers[0].metadata.protocol, spec.cooldownPeriod]),
    [['amqp', 330]],
  )
  const host = objects.find(({ kind }) => kind === 'TriggerAuthentication')?.spec.configMapTargetRef[0]
  assert.deepEqual(host, { parameter: 'host', name: 'broker', key: 'AMQP_URL' })
})

test('without KEDA every consumer that can start has an HPA on its own Deployment, never under one replica', () => {
  const files = filesOf({
    one: { scale: { min: 0, max: 4 } },
    two: { scale: { min: 3, max: 7 } },
    needy: { env: { TOKEN: { secret: true } } },
  })
  const seen = objectsOf(files, 'keda/hpa-cpu/hpa.yaml').map(({ metadata, spec }) => [
    metadata.name,
    spec.scaleTargetRef.name,
    spec.minReplicas,
    spec.maxReplicas,
  ])
  assert.deepEqual(seen, [
    ['one', 'one', 1, 4],
    ['two', 'two', 3, 7],
  ])
})

test('the HPA without KEDA and the CPU trigger of KEDA want the same utilization', () => {
  const [hpa] = composed('manifests/base', 'keda/hpa-cpu').filter(({ kind }) => kind === 'HorizontalPodAutoscaler')
  const [scaled] = composed('manifests/base', 'keda/cpu').filter(({ kind }) => kind === 'ScaledObject')
  const trigger = scaled?.spec.triggers.find(({ type }: { type: string }) => type === 'cpu')
  assert.equal(trigger.metadata.value, `${hpa?.spec.metrics[0].resource.target.averageUtilization}`)
})

test('the operators add the permissions of all functions that need a value with any of them, so that two components agree', () => {
  const needy = { env: { TOKEN: { secret: true } } }
  const files = filesOf({ plain: {}, first: needy, second: needy })
  type Kustomization = { patches: { target: { name: string }; patch: string }[] }
  const [first, second] = ['first', 'second'].map((name) => {
    const { patches } = parse(
      files.get(`manifests/optional/${name}/topology/kustomization.yaml`) ?? '',
    ) as Kustomization
    return patches.map(({ target, patch }) => [target.name, parse(patch)])
  })
  const read = [{ op: 'replace', path: '/spec/permissions/read', value: '^(plain|first|second)$' }]
  assert.deepEqual(first, [
    ['rabbitmq-consumer', read],
    ['rabbitmq-scaler', read],
  ])
  assert.deepEqual(second, first)
})

for (const [variable, standard, ports] of [
  ['HOOK_URL', 'http://hooks.example.com:8080/in', [8080]],
  ['HOOK_URL', 'https://hooks.example.com:8443', [8443]],
  ['HOOK_URL', 'http://hooks.example.com', [80]],
  ['HOOK_URL', 'https://hooks.example.com/in', [443]],
  ['HOOK_URL', 'to be said', [80, 443]],
  ['HOOK_PATH', 'http://hooks.example.com:8080/in', []],
] as const) {
  test(`${variable} is ${standard} by default: the function may reach ${ports.join(' and ') || 'nothing more'}`, () => {
    const files = filesOf({ caller: { env: { [variable]: { default: standard } } } })
    const policy = objectsOf(files, 'manifests/base/caller.yaml').find(({ kind }) => kind === 'NetworkPolicy')
    assert.ok(policy)
    const [, , endpoints] = policy.spec.egress as { ports: { port: number }[] }[]
    assert.deepEqual(endpoints?.ports.map(({ port }) => port) ?? [], ports)
  })
}

test('service-monitor: whoever is scraped through a Service has no PodMonitor besides, and the same job', () => {
  const before = rendered('manifests/overlays/k3d')
  const after = composed('manifests/overlays/k3d', 'manifests/overlays/service-monitor')
  const monitors = (objects: typeof before) => objects.filter(({ kind }) => kind === 'PodMonitor')
  assert.ok(monitors(before).length > 0)
  assert.deepEqual(monitors(after), [])
  const pods = after
    .filter(
      ({ kind, metadata }) => kind === 'Deployment' && metadata.labels?.['app.kubernetes.io/part-of'] === 'kedafn',
    )
    .map(({ spec }) => spec.template)
  const services = after.filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/component'] === 'metrics')
  for (const { metadata, spec } of pods) {
    const selecting = services.filter((service) =>
      Object.entries(service.spec.selector).every(([key, value]) => metadata.labels[key] === value),
    )
    assert.equal(selecting.length, 1, metadata.labels['app.kubernetes.io/name'])
    assert.ok(spec.containers[0].ports.some(({ name }: { name: string }) => name === 'metrics'))
  }
})
