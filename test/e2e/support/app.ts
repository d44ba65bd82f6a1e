import { randomBytes } from 'node:crypto'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { Document } from 'yaml'
import { Kubectl } from './kubectl.ts'
import { type Login, Rabbit } from './rabbit.ts'

export interface AppOptions {
  /** Functions of the workshop, by name. */
  readonly functions: readonly string[]
  /** Variables of each function's ConfigMap, instead of those its spec says. */
  readonly settings?: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** Changes of each function's ScaledObject: a strategic merge of its spec. */
  readonly scaling?: Readonly<Record<string, object>>
  readonly login?: Login
  /** The password that the functions and KEDA are given, if it is not the broker's. */
  readonly givenPassword?: string
  /** One of the components under keda/, or null for functions that nothing scales. @default http */
  readonly scaler?: string | null
  /** The broker's monitor, the alerts and the dashboards as well. @default false */
  readonly monitoring?: boolean
  /** What the name of the namespace begins with. @default 'kedafn-e2e' */
  readonly prefix?: string
}

interface ContainerStatus {
  readonly restartCount: number
  readonly ready: boolean
  readonly state: { readonly waiting?: { readonly reason: string } }
  readonly lastState?: { readonly terminated?: { readonly exitCode: number; readonly message?: string } }
}

export interface Pod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string }
  readonly status: { readonly phase: string; readonly containerStatuses?: readonly ContainerStatus[] }
}

export const poll = { interval: 500, timeout: 180_000 }
/** The decimal numbers from 0. */
export const numbered = (count: number): string[] => Array.from({ length: count }, (_, number) => `${number}`)

/** Puts such numbers in their order again. */
export const byNumber = (a: string, b: string): number => Number(a) - Number(b)

const standardLogin: Login = { username: 'kedafn', password: 'only-for-k3d', vhost: '/' }

/** The workshop's manifests, of which a scenario changes a copy. */
function workshop(): string {
  const root = process.env.KEDAFN_E2E_WORKSHOP
  if (!root) throw new Error('run scenarios by npm run e2e')
  return root
}

const yaml = (value: object): string => new Document(value).toString()

/** Some functions with a RabbitMQ in a namespace of their own; all of it goes when the test ends. */
export class App {
  readonly kubectl: Kubectl
  readonly rabbit: Rabbit
  /** Where its broker is, seen from the cluster, with the login. */
  readonly amqpUrl: string
  /** What kubectl said when it was applied, warnings included. */
  applied = ''

  private constructor(kubectl: Kubectl, login: Login) {
    this.kubectl = kubectl
    this.rabbit = new Rabbit(kubectl, login)
    const [user, password, vhost] = [login.username, login.password, login.vhost].map(encodeURIComponent)
    this.amqpUrl = `amqp://${user}:${password}@rabbitmq.${kubectl.namespace}.svc:5672/${vhost}`
  }

  static async deploy(t: TestContext, options: AppOptions): Promise<App> {
    const namespace = `${options.prefix ?? 'kedafn-e2e'}-${randomBytes(3).toString('hex')}`
    const app = new App(new Kubectl(namespace), options.login ?? standardLogin)
    const folder = mkdtempSync(join(tmpdir(), 'kedafn-manifests-'))
    t.after(async () => {
      if (!t.passed) await app.#explain(t)
      await app.rabbit[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
      await app.kubectl.run('delete', 'namespace', namespace, '--ignore-not-found', '--timeout=120s')
    })
    for (const entry of ['manifests', 'keda']) cpSync(join(workshop(), entry), join(folder, entry), { recursive: true })
    writeOverlay(folder, namespace, options)
    app.applied = await app.kubectl.run('apply', '-k', join(folder, 'manifests/overlays/e2e'))
    await app.kubectl.run('rollout', 'status', 'statefulset/rabbitmq', '--timeout=120s')
    return app
  }

  async pods(name: string): Promise<readonly Pod[]> {
    const { items } = await this.kubectl.json<{ items: Pod[] }>('get', 'pods', '-l', `app.kubernetes.io/name=${name}`)
    return items
  }

  /** The lines of a file in the volume of `name`; waits for the pod that reads it. */
  async lines(name: string, file = 'output.txt'): Promise<readonly string[]> {
    const said = await this.kubectl.run(
      'exec',
      `files-${name}`,
      '--',
      'sh',
      '-c',
      `cat /data/${file} 2>/dev/null || true`,
    )
    return said === '' ? [] : said.replace(/\n$/, '').split('\n')
  }

  /** A pod with a shell beside the volume of `name`: images of functions have none. */
  async openFiles(name: string): Promise<void> {
    await this.kubectl.apply(filesPod(name))
    await this.kubectl.run('wait', '--for=condition=Ready', `pod/files-${name}`, '--timeout=120s')
  }

  async #explain(t: TestContext): Promise<void> {
    for (const args of [
      ['get', 'all,scaledobjects,hpa', '-o', 'wide'],
      ['get', 'events', '--sort-by=.lastTimestamp'],
      ['logs', '-l', 'app.kubernetes.io/part-of=kedafn', '--tail=15', '--prefix', '--ignore-errors'],
    ]) {
      t.diagnostic(await this.kubectl.run(...args).catch((error: Error) => error.message))
    }
  }
}

function writeOverlay(folder: string, namespace: string, options: AppOptions): void {
  const { functions, settings = {}, scaling = {}, login = standardLogin, scaler = 'http', monitoring } = options
  const { givenPassword = login.password } = options
  const only = (path: string, extra: readonly string[] = []) =>
    writeFileSync(
      join(folder, path, 'kustomization.yaml'),
      yaml({
        apiVersion: 'kustomize.config.k8s.io/v1beta1',
        kind: 'Kustomization',
        resources: [...functions.map((name) => `${name}.yaml`), ...extra].filter((file) =>
          existsSync(join(folder, path, file)),
        ),
      }),
    )
  only('manifests/base', ['broker.yaml'])
  only('keda/base')
  const components = [...(scaler === null ? [] : [`../../../keda/${scaler}`]), ...(monitoring ? ['../monitoring'] : [])]
  const overlay = join(folder, 'manifests/overlays/e2e')
  for (const file of ['namespace.yaml', 'rabbitmq.yaml'])
    cpSync(join(folder, 'manifests/overlays/k3d', file), join(overlay, file))
  const namespaceFile = join(overlay, 'namespace.yaml')
  writeFileSync(namespaceFile, readFileSync(namespaceFile, 'utf8').replace('name: kedafn\n', `name: ${namespace}\n`))
  const data = (name: string, values: object) => ({
    target: { kind: 'ConfigMap', name },
    patch: yaml({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: values }),
  })
  const { username, password, vhost } = login
  // n.b. KEDA writes a space in vhostName as +, which the management API takes for itself; see keda/http.
  const inAddress = vhost.includes(' ')
  const path = '/spec/triggers/0/metadata/vhostName'
  writeFileSync(
    join(overlay, 'kustomization.yaml'),
    yaml({
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      namespace,
      resources: ['namespace.yaml', 'rabbitmq.yaml', '../../base'],
      components,
      secretGenerator: ['producer', 'consumer', 'scaler'].map((role) => ({
        name: `rabbitmq-${role}`,
        literals: [`username=${username}`, `password=${role === 'producer' ? password : givenPassword}`],
      })),
      generatorOptions: { disableNameSuffixHash: true },
      patches: [
        data('broker', {
          AMQP_URL: `amqp://rabbitmq.${namespace}.svc:5672`,
          AMQP_VHOST: vhost,
          KEDAFN_TOPOLOGY: 'declare',
          RABBITMQ_MANAGEMENT_URL: `http://rabbitmq.${namespace}.svc:15672/${inAddress ? encodeURIComponent(vhost) : ''}`,
        }),
        {
          target: { kind: 'StatefulSet', name: 'rabbitmq' },
          patch: yaml([
            {
              op: 'add',
              path: '/spec/template/spec/containers/0/env/-',
              value: { name: 'RABBITMQ_DEFAULT_VHOST', value: vhost },
            },
          ]),
        },
        {
          target: { kind: 'ScaledObject' },
          patch: yaml([inAddress ? { op: 'remove', path } : { op: 'replace', path, value: vhost }]),
        },
        ...Object.entries(settings).map(([name, values]) => data(name, values)),
        ...Object.entries(scaling).map(([name, spec]) => ({
          target: { kind: 'ScaledObject', name },
          patch: yaml({ apiVersion: 'keda.sh/v1alpha1', kind: 'ScaledObject', metadata: { name }, spec }),
        })),
      ],
    }),
  )
}

const filesPod = (name: string): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: `files-${name}` },
  spec: {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 0,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 65_532,
      fsGroup: 65_532,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [
      {
        name: 'files',
        image: 'busybox',
        imagePullPolicy: 'IfNotPresent',
        command: ['sleep', 'infinity'],
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        volumeMounts: [{ name: 'data', mountPath: '/data' }],
      },
    ],
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: `${name}-data` } }],
  },
})
