import { join } from 'node:path'
import { build } from 'esbuild'
import type { App } from './app.ts'

interface NaiveOptions {
  readonly queue: string
  readonly env?: Readonly<Record<string, string>>
  /** A volume to write into, at /data. */
  readonly claim?: string
  readonly scaling: Readonly<Record<string, unknown>>
  readonly trigger: Readonly<Record<string, string>>
}

/** A hand-written consumer beside ours, scaled by a ScaledObject of KEDA's sample: on the same Node, in the same place. */
export async function deployNaive(app: App, { queue, env = {}, claim, scaling, trigger }: NaiveOptions): Promise<void> {
  const name = 'naive'
  const labels = { 'app.kubernetes.io/name': name }
  const bundled = await build({
    entryPoints: [join(import.meta.dirname, '..', 'rivals', 'naive.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    minify: true,
    write: false,
    banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
  })
  const script = bundled.outputFiles[0]?.text ?? ''
  const variables = { AMQP_URL: app.amqpUrl, QUEUE: queue, ...env }
  const pod = {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 5,
    securityContext: { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name: 'naive',
        // The image of any function: what counts is the Node in it.
        image: 'kedafn/worker:0.1.0',
        imagePullPolicy: 'IfNotPresent',
        command: ['/usr/local/bin/node', '/script/naive.mjs'],
        env: Object.entries(variables).map(([key, value]) => ({ name: key, value })),
        resources: { requests: { cpu: '50m', memory: '96Mi' } },
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        volumeMounts: [
          { name: 'script', mountPath: '/script' },
          ...(claim ? [{ name: 'data', mountPath: '/data' }] : []),
        ],
      },
    ],
    volumes: [
      { name: 'script', configMap: { name } },
      ...(claim ? [{ name: 'data', persistentVolumeClaim: { claimName: claim } }] : []),
    ],
  }
  await app.kubectl.apply(
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { 'naive.mjs': script } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name },
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: pod } },
    },
    {
      apiVersion: 'keda.sh/v1alpha1',
      kind: 'ScaledObject',
      metadata: { name },
      spec: {
        scaleTargetRef: { name },
        ...scaling,
        triggers: [{ type: 'rabbitmq', metadata: { ...trigger, host: app.amqpUrl, queueName: queue } }],
      },
    },
  )
}
