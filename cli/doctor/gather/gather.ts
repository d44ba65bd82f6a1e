import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { redactUrl } from '../../../runtime/core/address.ts'
import { describe, FnError } from '../../../runtime/core/errors.ts'
import { BuildError, discoverFunctions, inspectFunctions } from '../../../tooling/functions.ts'
import { driftOf, renderedFiles } from '../../../tooling/render/manifests.ts'
import { inspectQueues } from '../../broker/inspection.ts'
import { type Reach, reachOf, vhostOf } from '../../broker/reach.ts'
import type { Io } from '../../command.ts'
import { plansOf } from '../../topology/wanted.ts'
import type { BrokerFacts, Facts, KedaFacts, Place, Plan } from '../facts.ts'
import { lookAtCluster } from './cluster.ts'
import { overlayPlace, renderedPlace } from './files.ts'
import type { Kubectl } from './kubectl.ts'
import { askBroker } from './management.ts'

/** What to look at, and from where. */
export interface Scope {
  /** The repository. */
  readonly root: string
  readonly env: Io['env']
  readonly now: () => number
  readonly signal: AbortSignal
  readonly kubectl: Kubectl
  readonly namespace: string
  /** False: no cluster is asked. */
  readonly cluster: boolean
  /** A kustomization instead of the rendered files: where it is, and how the person wrote it. */
  readonly overlay: { readonly folder: string; readonly shown: string } | null
}

export interface Look {
  readonly facts: Facts
  /** What was not looked at, and why. */
  readonly left: readonly string[]
}

/** What the functions say; it is the same at the second look. */
export type Specs = Pick<Facts, 'functions' | 'specProblem' | 'drift'>

/** One look at everything. What cannot be asked is a fact too. */
export async function gather(scope: Scope, specs: Specs): Promise<Look> {
  const { root, kubectl, namespace, now } = scope
  const [broker, cluster] = await Promise.all([
    brokerFacts(scope, specs.functions),
    scope.cluster ? lookAtCluster(kubectl, namespace) : { why: '--no-cluster was given' },
  ])
  const files =
    scope.overlay === null
      ? renderedPlace(root)
      : await overlayPlace(scope.overlay.folder, scope.overlay.shown, kubectl)
  const places: Place[] = 'place' in cluster ? [files, cluster.place] : [files]
  const keda: KedaFacts = 'keda' in cluster ? cluster.keda : { version: null, values: null }
  const left = 'why' in cluster ? [`the cluster: ${cluster.why}`] : cluster.place.unseen
  return { facts: { now: now(), ...specs, broker, places, keda, before: null }, left }
}

export async function readSpecs({ root, env }: Pick<Scope, 'root' | 'env'>): Promise<Specs> {
  try {
    const facts = await inspectFunctions(root, discoverFunctions(root))
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
    return {
      functions: plansOf(facts, env.KEDAFN_CHECKPOINT === 'broker' ? 'broker' : 'file'),
      specProblem: null,
      drift: driftOf(root, renderedFiles(facts, version)),
    }
  } catch (error) {
    if (!(error instanceof BuildError) && !(error instanceof FnError)) throw error
    return { functions: [], specProblem: error.message, drift: [] }
  }
}

async function brokerFacts({ env, signal }: Scope, functions: readonly Plan[]): Promise<BrokerFacts> {
  const reach = readReach(env)
  if (typeof reach === 'string') {
    const failure = { code: 'FN_ENV_INVALID', message: reach } as const
    const nobody = { address: redactUrl(env.AMQP_URL ?? ''), vhost: '/', username: '' }
    return { ...nobody, chosen: true, unusable: reach, amqp: failure, management: null }
  }
  const [address] = reach.config.addresses
  const queues = [...new Set(functions.map(({ queue }) => queue))]
  const [amqp, management] = await Promise.all([
    inspectQueues(reach, queues),
    askBroker(reach.managementUrls, vhostOf(reach), signal),
  ])
  return {
    address: `${address?.hostname}:${address?.port}`,
    vhost: vhostOf(reach),
    username: address?.username ?? '',
    chosen: reach.by !== 'the default',
    unusable: null,
    amqp,
    management,
  }
}

/** @returns in words why it cannot be read */
function readReach(env: Io['env']): Reach | string {
  try {
    return reachOf({ env })
  } catch (error) {
    return describe(error)
  }
}
