import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { connect } from 'amqplib'
import { declare } from '../../cli/broker/declarations.ts'
import { diagnose } from '../../cli/doctor/diagnose.ts'
import type { Diagnosis } from '../../cli/doctor/finding.ts'
import { gather, type Scope } from '../../cli/doctor/gather/gather.ts'
import { Kubectl } from '../../cli/doctor/gather/kubectl.ts'
import { wantedOf } from '../../cli/topology/wanted.ts'
import { App, poll } from './support/app.ts'

const run = promisify(execFile)
const root = process.env.KEDAFN_E2E_WORKSHOP ?? ''
// n.b. Specs of the workshop are marked by its own runtime: only its own reader knows the marks.
const { readSpecs } = (await import(
  join(root, 'cli/doctor/gather/gather.ts')
)) as typeof import('../../cli/doctor/gather/gather.ts')
const specs = await readSpecs({ root, env: {} })
assert.equal(specs.specProblem, null)
// Only this one is deployed: the queues of the others are nobody's.
const worker = { ...specs, functions: specs.functions.filter(({ name }) => name === 'worker') }

/** Doctor, on one app: its functions, its namespace, its broker by a forwarded port; and what `topology apply` would do. */
async function doctorOf(t: TestContext, app: App) {
  const [amqp, management] = await Promise.all(
    [5672, 15_672].map((port) => app.kubectl.forward('service/rabbitmq', port)),
  )
  t.after(() => {
    for (const forward of [amqp, management]) forward?.child.kill()
  })
  const { username, password } = new URL(app.amqpUrl)
  const scope: Scope = {
    root,
    env: {
      AMQP_URL: `amqp://${username}:${password}@127.0.0.1:${amqp?.port}`,
      KEDAFN_MANAGEMENT_URL: `http://${username}:${password}@127.0.0.1:${management?.port}`,
    },
    now: Date.now,
    signal: t.signal,
    kubectl: new Kubectl({ command: process.env.KUBECTL || 'kubectl', context: undefined, signal: t.signal }),
    namespace: app.kubectl.namespace,
    cluster: true,
    overlay: null,
  }
  const doctor = async (): Promise<readonly Diagnosis[]> => {
    const { facts } = await gather(scope, worker)
    return diagnose(facts, async () => (await gather(scope, worker)).facts)
  }
  const apply = async () => {
    const connection = await connect(scope.env.AMQP_URL ?? '')
    await declare(connection, wantedOf(worker.functions))
    await connection.close()
  }
  return { doctor, apply }
}

interface Breakage {
  readonly title: string
  readonly check: string
  break(app: App): Promise<unknown>
  /** In place of the command that doctor gives. */
  readonly mend?: (app: App) => Promise<unknown>
}

const merge = (app: App, kind: string, patch: object) =>
  app.kubectl.run('patch', kind, 'worker', '--type=merge', '-p', JSON.stringify(patch))
const container = (app: App, change: object) =>
  app.kubectl.run(
    'patch',
    'deployment',
    'worker',
    '-p',
    JSON.stringify({ spec: { template: { spec: { containers: [{ name: 'function', ...change }] } } } }),
  )
const undo = (app: App) => app.kubectl.run('rollout', 'undo', 'deployment/worker')
const awake = (app: App) => merge(app, 'scaledobject', { spec: { minReplicaCount: 1 } })

const breakages: readonly Breakage[] = [
  {
    title: 'a pause that was forgotten',
    check: 'paused',
    break: (app) => app.kubectl.run('annotate', 'scaledobject', 'worker', 'autoscaling.keda.sh/paused=true'),
  },
  {
    title: 'replicas in the manifest',
    check: 'replicas-in-manifest',
    break: async (app) => {
      const applied = JSON.parse(await app.kubectl.run('apply', 'view-last-applied', 'deployment/worker', '-o', 'json'))
      return app.kubectl.apply({ ...applied, spec: { ...applied.spec, replicas: 1 } })
    },
  },
  {
    title: 'a grace period that is too short',
    check: 'grace-short',
    break: (app) => merge(app, 'deployment', { spec: { template: { spec: { terminationGracePeriodSeconds: 5 } } } }),
  },
  {
    title: 'a trigger that reads another queue',
    check: 'trigger-other-queue',
    break: (app) =>
      app.kubectl.run(
        'patch',
        'scaledobject',
        'worker',
        '--type=json',
        '-p',
        '[{"op":"replace","path":"/spec/triggers/0/metadata/queueName","value":"work.dead"}]',
      ),
  },
  {
    title: 'a vhost that does not exist: KEDA lives on its fallback',
    check: 'scaledobject-fallback',
    break: (app) =>
      app.kubectl.run(
        'patch',
        'scaledobject',
        'worker',
        '--type=json',
        '-p',
        '[{"op":"replace","path":"/spec/triggers/0/metadata/vhostName","value":"nowhere"}]',
      ),
    mend: (app) =>
      app.kubectl.run(
        'patch',
        'scaledobject',
        'worker',
        '--type=json',
        '-p',
        '[{"op":"replace","path":"/spec/triggers/0/metadata/vhostName","value":"/"}]',
      ),
  },
  {
    title: 'a ScaledObject that KEDA cannot work with',
    check: 'scaledobject-not-ready',
    break: (app) => merge(app, 'scaledobject', { spec: { scaleTargetRef: { name: 'nowhere' } } }),
    mend: (app) => merge(app, 'scaledobject', { spec: { scaleTargetRef: { name: 'worker' } } }),
  },
  {
    title: 'a release label that no Prometheus selects',
    check: 'release-label',
    break: async (app) => {
      // One without pods will do: what it selects is what matters.
      const podMonitorSelector = { matchLabels: { release: 'prometheus-operator' } }
      await app.kubectl.apply({
        apiVersion: 'monitoring.coreos.com/v1',
        kind: 'Prometheus',
        metadata: { name: 'doctor' },
        spec: { replicas: 0, podMonitorSelector },
      })
      await app.kubectl.run('label', 'podmonitor', 'worker', 'release=another', '--overwrite')
    },
  },
  {
    title: 'metrics on another port',
    check: 'metrics-port',
    break: (app) => container(app, { env: [{ name: 'OTEL_EXPORTER_PROMETHEUS_PORT', value: '9999' }] }),
  },
  {
    title: 'two autoscalers',
    check: 'two-scalers',
    break: (app) => app.kubectl.run('autoscale', 'deployment', 'worker', '--name=own', '--max=3', '--cpu-percent=80'),
  },
  {
    title: 'an image that is not there',
    check: 'image-missing',
    break: async (app) => {
      await awake(app)
      await container(app, { image: 'kedafn/nowhere:0.0.0' })
    },
    mend: undo,
  },
  {
    title: 'a Secret that is missing',
    check: 'config-missing',
    break: (app) =>
      container(app, { env: [{ name: 'MISSING', valueFrom: { secretKeyRef: { name: 'nowhere', key: 'nothing' } } }] }),
    mend: undo,
  },
  {
    title: 'a crash loop',
    check: 'crash-loop',
    break: (app) => container(app, { env: [{ name: 'KEDAFN_BATCH_SIZE', value: 'many' }] }),
    mend: undo,
  },
  {
    title: 'a start that is slower than the liveness probe',
    check: 'liveness-before-start',
    break: (app) =>
      container(app, {
        startupProbe: null,
        livenessProbe: { periodSeconds: 1, failureThreshold: 1, timeoutSeconds: 1 },
        resources: { requests: { cpu: '10m' }, limits: { cpu: '20m' } },
      }),
    mend: async (app) => {
      await undo(app)
      await app.kubectl.run('delete', 'events', '--all')
    },
  },
  {
    title: 'a container that was killed for its memory',
    check: 'oom-killed',
    break: (app) => app.rabbit.publish('work', ['eat']),
    mend: async (app) => {
      await app.rabbit.publish('work', ['after'])
      await app.kubectl.run('rollout', 'restart', 'deployment/worker')
    },
  },
  {
    title: 'an HPA at its maximum',
    check: 'hpa-at-max',
    break: async (app) => {
      await app.kubectl.run('set', 'env', 'deployment/worker', 'WORK_MS=20000')
      await merge(app, 'scaledobject', { spec: { maxReplicaCount: 1 } })
      await app.rabbit.publish(
        'work',
        Array.from({ length: 300 }, (_, number) => `slow ${number}`),
      )
    },
    mend: (app) => merge(app, 'scaledobject', { spec: { maxReplicaCount: 10 } }),
  },
  {
    title: 'a KEDA that is too old',
    check: 'keda-old',
    break: (app) =>
      app.kubectl.apply({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'keda-operator', labels: { 'app.kubernetes.io/name': 'keda-operator' } },
        spec: {
          replicas: 0,
          selector: { matchLabels: { app: 'keda-operator' } },
          template: {
            metadata: { labels: { app: 'keda-operator' } },
            spec: { containers: [{ name: 'keda-operator', image: 'ghcr.io/kedacore/keda:2.14.0' }] },
          },
        },
      }),
    mend: (app) => app.kubectl.run('delete', 'deployment', 'keda-operator'),
  },
  {
    title: 'a consumer that nothing scales',
    check: 'not-scaled',
    break: (app) => app.kubectl.run('delete', 'scaledobject', 'worker'),
    mend: async () => {},
  },
]

/** Long enough for a pod to be killed, tried again and seen. */
const stepPoll = { interval: 500, timeout: 90_000 }

const named = (findings: readonly Diagnosis[]) =>
  findings.map(({ check, subject, evidence }) => `${check}: ${subject}: ${evidence.join('; ')}`)

/** Types the command that a finding gives first; what stands there for a person to fill in is no command. */
const follow = ({ mend: [command = ''] }: Diagnosis) => {
  assert.match(command, /^kubectl -n /)
  return run('sh', ['-c', command])
}

test('doctor finds nothing on a healthy line, names each misconfiguration of a cluster, and its command mends it', {
  timeout: 1_500_000,
}, async (t) => {
  const app = await App.deploy(t, {
    functions: ['worker'],
    prefix: 'doctor',
    scaling: { worker: { pollingInterval: 1, cooldownPeriod: 20 } },
  })
  const { doctor, apply } = await doctorOf(t, app)
  const wrong = async () => (await doctor()).filter(({ severity }) => severity !== 'note')
  // KEDA has put it to sleep before it could make its queue, or not: then that is what is found.
  if ((await wrong()).some(({ check }) => check === 'queue-missing')) await apply()
  await t.waitFor(async () => assert.deepEqual(named(await wrong()), []), poll)
  for (const { title, check, mend, ...breakage } of breakages) {
    await t.test(title, async (one) => {
      const begun = performance.now()
      await breakage.break(app)
      let named: Diagnosis | undefined
      await one.waitFor(async () => {
        named = (await wrong()).find((finding) => finding.check === check)
        assert.ok(named)
      }, stepPoll)
      one.diagnostic(`${check} named after ${((performance.now() - begun) / 1000).toFixed(1)} s`)
      if (mend) await mend(app)
      else if (named) await follow(named)
      await one.waitFor(
        async () => assert.ok(!(await wrong()).some((finding) => finding.check === check) || mend !== undefined),
        poll,
      )
    })
  }
  // What works slowly would hold its namespace for as long as its grace.
  await app.kubectl.run('delete', 'deployment', 'worker')
  await app.kubectl.run('delete', 'pods', '-l', 'app.kubernetes.io/name=worker', '--grace-period=0', '--force')
})
