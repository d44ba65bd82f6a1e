import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { type TestContext, test } from 'node:test'
import { secretOf, valuesOf } from '../../cli/doctor/gather/cluster.ts'
import { reportText } from '../../cli/doctor/report.ts'
import { openVhost, testBroker } from '../support/broker.ts'
import { assertGolden } from './support/golden.ts'
import { Kedafn, kedafn } from './support/kedafn.ts'

const root = realpathSync(join(import.meta.dirname, '..', '..'))
const nobody = { AMQP_URL: 'amqp://127.0.0.1:1', KUBECONFIG: '/dev/null' }

interface Printed {
  readonly findings: readonly { readonly check: string; readonly subject: string }[]
  readonly notes: readonly { readonly check: string }[]
  readonly left: readonly string[]
}

/** An overlay of what is rendered, with changes. */
function overlay(
  t: TestContext,
  patches: readonly { readonly kind: string; readonly patch: readonly object[] }[],
): string {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'kedafn-overlay-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: [relative(folder, join(root, 'manifests/base'))],
    components: [relative(folder, join(root, 'keda/http'))],
    patches: patches.map(({ kind, patch }) => ({
      target: { kind, name: 'log-consumer' },
      patch: JSON.stringify(patch),
    })),
  }
  writeFileSync(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization))
  return folder
}

test('what an overlay gets wrong is found before it is applied', async (t) => {
  const folder = overlay(t, [
    {
      kind: 'Deployment',
      patch: [
        { op: 'add', path: '/spec/replicas', value: 2 },
        { op: 'replace', path: '/spec/template/spec/terminationGracePeriodSeconds', value: 10 },
      ],
    },
    {
      kind: 'ScaledObject',
      patch: [
        { op: 'replace', path: '/spec/triggers/0/metadata/queueName', value: 'logs.dead' },
        { op: 'replace', path: '/spec/triggers/0/metadata/vhostName', value: '%2Fother' },
        { op: 'replace', path: '/spec/triggers/0/metadata/value', value: '5' },
        { op: 'add', path: '/metadata/annotations', value: { 'autoscaling.keda.sh/paused': 'true' } },
      ],
    },
    { kind: 'PodMonitor', patch: [{ op: 'replace', path: '/spec/podMetricsEndpoints/0/port', value: 'http' }] },
  ])
  const { code, stdout } = await kedafn(t, ['doctor', '--no-cluster', '--json', '--manifests', folder], { env: nobody })
  assert.equal(code, 3)
  const { findings } = JSON.parse(stdout) as Printed
  assert.deepEqual(findings.map(({ check }) => check).sort(), [
    'broker-away',
    'grace-short',
    'metrics-port',
    'paused',
    'prefetch-starves',
    'replicas-in-manifest',
    'trigger-other-queue',
    'trigger-vhost',
  ])
})

test('every overlay of this repository is without a finding', async (t) => {
  await using vhost = await openVhost('overlays')
  const env = { AMQP_URL: vhost.url, KEDAFN_MANAGEMENT_URL: testBroker().managementUrl, KUBECONFIG: '/dev/null' }
  await kedafn(t, ['topology', 'apply'], { env })
  for (const name of ['k3d', 'rabbitmq-operator', 'bitnami']) {
    const args = ['doctor', '--no-cluster', '--json', '--manifests', `manifests/overlays/${name}`]
    const { code, stdout } = await kedafn(t, args, { env })
    assert.deepEqual([name, code, (JSON.parse(stdout) as Printed).findings], [name, 0, []])
  }
})

test('a folder that is no kustomization is wrong use', async (t) => {
  const { code, stderr } = await kedafn(t, ['doctor', '--no-cluster', '--manifests', 'docs'], { env: nobody })
  assert.equal(code, 2)
  assert.match(stderr, /docs has no kustomization.yaml/)
})

test('without a cluster it says what was not looked at; a cluster by default is no fault', async (t) => {
  const { code, stdout } = await kedafn(t, ['doctor', '--json'], { env: nobody })
  assert.equal(code, 3)
  const { left } = JSON.parse(stdout) as Printed
  assert.match(left[0] ?? '', /^the cluster: /)
  const none = await kedafn(t, ['doctor', '--json'], { env: { ...nobody, KUBECTL: 'no-kubectl' } })
  assert.match(none.stdout, /there is no no-kubectl here/)
})

test('Ctrl-C while it waits for its second look ends it with 130', async (t) => {
  await using vhost = await openVhost('doctor')
  const env = { AMQP_URL: vhost.url, KEDAFN_MANAGEMENT_URL: testBroker().managementUrl, KUBECONFIG: '/dev/null' }
  await kedafn(t, ['topology', 'apply'], { env })
  await kedafn(t, ['publish', 'logs'], { env, stdin: 'one\n' })
  const doctor = new Kedafn(t, ['doctor', '--no-cluster', '--patience', '600'], { env, stdin: '' })
  while (!doctor.stderr.includes('a second look in 600 s')) await once(doctor.child.stderr ?? doctor.child, 'data')
  doctor.child.kill('SIGINT')
  assert.equal((await doctor.ended).code, 130)
})

test('a report wraps its sentences, leaves commands whole, and no escape sequence reaches the terminal', () => {
  const findings = [
    {
      check: 'queue-missing',
      severity: 'error',
      subject: 'queue \u001b[31mlogs',
      what: 'It does not exist.',
      why: 'This is a sentence that is longer than the forty columns of this small terminal.',
      evidence: ['seen'],
      mend: ['npx kedafn topology apply --with many words that are longer than forty columns'],
    },
  ] as const
  assertGolden('doctor/report.txt', reportText({ findings, checks: 60, left: ['the cluster: there is none'] }, 40))
  assertGolden('doctor/report-healthy.txt', reportText({ findings: [], checks: 60, left: [] }, 80))
})

test('of a Secret only its name, labels, keys and user are taken', () => {
  const line = `"rabbitmq-scaler"\t"a.b/c"="x\\"y",\t"password","username",\t${Buffer.from('me').toString('base64')}`
  assert.deepEqual(secretOf(line), {
    name: 'rabbitmq-scaler',
    labels: { 'a.b/c': 'x"y' },
    keys: ['password', 'username'],
    username: 'me',
  })
})

test("KEDA's numbers are read from its metrics", () => {
  const text = `# HELP x\nkeda_scaler_metrics_value{metric="s0-rabbitmq-logs",namespace="kedafn",scaledObject="log-consumer",scaler="logs",triggerIndex="0",type="scaledobject"} 41\n`
  assert.deepEqual(valuesOf(text), [
    { namespace: 'kedafn', scaledObject: 'log-consumer', metric: 's0-rabbitmq-logs', value: 41 },
  ])
})
