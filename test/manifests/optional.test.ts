import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { parse, stringify } from 'yaml'
import { type KubernetesObject, rendered, validation } from './kustomizations.ts'

const root = join(import.meta.dirname, '..', '..')

/** An overlay with log-alerts in it, as manifests/optional/README.md says: its components come before those that scale. */
function withAlerts(t: TestContext, overlay: string, more: readonly string[] = []): readonly KubernetesObject[] {
  const copy = realpathSync(mkdtempSync(join(tmpdir(), 'kedafn-optional-')))
  t.after(() => rmSync(copy, { recursive: true, force: true }))
  for (const folder of ['manifests', 'keda']) cpSync(join(root, folder), join(copy, folder), { recursive: true })
  const file = join(copy, 'manifests/overlays', overlay, 'kustomization.yaml')
  const kustomization = parse(readFileSync(file, 'utf8')) as { components: string[] }
  const components = ['log-alerts', ...more].map((path) => `../../optional/${path}`)
  writeFileSync(file, stringify({ ...kustomization, components: [...components, ...kustomization.components] }))
  return rendered(join(copy, 'manifests/overlays', overlay))
}

const find = (objects: readonly KubernetesObject[], kind: string, name = 'log-alerts') => {
  const found = objects.filter((one) => one.kind === kind && one.metadata.name === name)
  assert.equal(found.length, 1, `${kind}/${name}`)
  return found[0] as KubernetesObject
}
const loginOf = (objects: readonly KubernetesObject[]) =>
  find(objects, 'Deployment').spec.template.spec.containers[0].env[1].valueFrom.secretKeyRef

for (const [overlay, login] of [
  ['k3d', { name: 'rabbitmq-consumer', key: 'password' }],
  ['bitnami', { name: 'rabbitmq', key: 'rabbitmq-password' }],
  ['rabbitmq-operator', { name: 'rabbitmq-consumer-user-credentials', key: 'password' }],
] as const) {
  test(`log-alerts in ${overlay}: one Deployment that waits for its address, with the overlay's login, and one scaler`, (t) => {
    const objects = withAlerts(t, overlay, overlay === 'rabbitmq-operator' ? ['log-alerts/topology'] : [])
    const { env } = find(objects, 'Deployment').spec.template.spec.containers[0]
    assert.deepEqual(
      env.find(({ name }: { name: string }) => name === 'ALERT_URL'),
      { name: 'ALERT_URL', valueFrom: { secretKeyRef: { name: 'log-alerts', key: 'ALERT_URL' } } },
    )
    assert.deepEqual(loginOf(objects), login)
    const vhostName = overlay === 'rabbitmq-operator' ? 'kedafn' : '/'
    assert.partialDeepStrictEqual(find(objects, 'ScaledObject').spec.triggers[0].metadata, {
      queueName: 'log-alerts',
      vhostName,
    })
    for (const object of objects) assert.deepEqual(validation.problemsOf(object), [])
    const ids = objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`)
    assert.deepEqual(ids, [...new Set(ids)])
    for (const { kind, metadata } of objects) if (kind !== 'Namespace') assert.equal(metadata.namespace, 'kedafn')
  })
}

test('its topology is what the operator has to make besides, and its users may serve it', (t) => {
  const objects = withAlerts(t, 'rabbitmq-operator', ['log-alerts/topology'])
  assert.equal(find(objects, 'Queue').spec.vhost, 'kedafn')
  assert.equal(find(objects, 'Binding', 'logs.to.log-alerts').spec.source, 'logs')
  for (const role of ['consumer', 'scaler']) {
    const { read } = find(objects, 'Permission', `rabbitmq-${role}`).spec.permissions
    assert.match('log-alerts', new RegExp(read))
  }
})

test('without it the users of the operators may serve what is deployed, and no more', () => {
  const objects = rendered('manifests/overlays/rabbitmq-operator')
  for (const role of ['consumer', 'scaler']) {
    const { read } = find(objects, 'Permission', `rabbitmq-${role}`).spec.permissions
    assert.match('logs', new RegExp(read))
    assert.doesNotMatch('log-alerts', new RegExp(read))
  }
})

test('without it, no overlay has anything of it', () => {
  for (const overlay of ['k3d', 'bitnami', 'rabbitmq-operator']) {
    const names = rendered(`manifests/overlays/${overlay}`).map(({ metadata }) => metadata.name)
    assert.deepEqual(
      names.filter((name) => name.includes('log-alerts')),
      [],
    )
  }
})
