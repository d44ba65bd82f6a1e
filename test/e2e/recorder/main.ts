/**
 * npm run record: what KEDA and the HPA of the cluster of KUBECONFIG make of the traces, some at once, as files for
 * test/dev/autoscaler/recordings.test.ts.
 *
 *   node test/e2e/recorder/main.ts            all traces
 *   node test/e2e/recorder/main.ts NAME...    those
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { UsageError } from '../../../dev/arguments.ts'
import { describe } from '../../../runtime/core/errors.ts'
import type { Recording } from '../../dev/autoscaler/recording.ts'
import { Kubectl } from '../support/kubectl.ts'
import { type Addresses, annotate, deployment, Stage, scaledObject } from './stage.ts'
import type { Trace } from './trace.ts'
import { traces } from './traces.ts'

const folder = join(import.meta.dirname, '..', '..', 'dev', 'autoscaler', 'recordings')
const biome = join(import.meta.dirname, '..', '..', '..', 'node_modules', '@biomejs', 'biome', 'bin', 'biome')
const sampleMs = 1000
/**
 * n.b. KEDA and the HPA controller each ask the API server at most 20 times a second by default, and so do the HPAs of many traces
 * together: their syncs would come late.
 */
const atOnce = 7
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort(new Error(signal)))

const needs = `npm run record needs:
  KUBECONFIG               a cluster with KEDA
  KUBECTL                  kubectl, if it is not on PATH
  KEDAFN_RECORD_AMQP       a RabbitMQ, by an address that leads to it from here and from KEDA, with user and password
  KEDAFN_RECORD_HTTP       its management, likewise
  KEDAFN_RECORD_HPA_SYNC   seconds between two syncs of the cluster's HPA controller, if not 15
Traces that break a connection need a KEDA that runs on this machine.`

const until = (ms: number): Promise<void> =>
  delay(Math.max(0, ms - performance.now()), undefined, { signal: stop.signal })

interface Recorder extends Addresses {
  readonly kubernetes: string
  readonly keda: string
  readonly hpaSyncSeconds: number
  readonly watch: ReplicaWatch
}

/** Hears of every change of the Deployments that are recorded. */
class ReplicaWatch {
  readonly #heard = new Map<string, [number, number][]>()
  readonly #listeners = new Map<string, (replicas: number) => void>()
  #child: ChildProcess | null = null

  start(): void {
    const what = ['get', 'deployments', '-A', '-l', 'kedafn-recording', '--watch']
    const format = '-o=jsonpath={.metadata.namespace} {.spec.replicas}{"\\n"}'
    this.#child = spawn(process.env.KUBECTL || 'kubectl', [...what, format], { stdio: ['ignore', 'pipe', 'inherit'] })
    const { stdout } = this.#child
    if (!stdout) return
    createInterface({ input: stdout }).on('line', (line) => {
      const [namespace = '', replicas = ''] = line.split(' ')
      const heard = this.#heard.get(namespace) ?? []
      this.#heard.set(namespace, heard)
      heard.push([performance.now(), Number(replicas)])
      this.#listeners.get(namespace)?.(Number(replicas))
    })
  }

  tell(namespace: string, listener: (replicas: number) => void): void {
    this.#listeners.set(namespace, listener)
  }

  /** Each change, in seconds since `sinceMs`. */
  of(namespace: string, sinceMs: number): Recording['replicas'] {
    const heard = this.#heard.get(namespace) ?? []
    const changes = heard.filter(([, replicas], index) => replicas !== heard[index - 1]?.[1])
    return changes.map(([atMs, replicas]) => [seconds(Math.max(0, atMs - sinceMs)), replicas] as const)
  }

  stop(): void {
    this.#child?.kill()
  }
}

const seconds = (ms: number): number => Math.round(ms / 100) / 10

async function record(name: string, trace: Trace, recorder: Recorder): Promise<void> {
  const namespace = `kedafn-record-${name}`
  const kubectl = new Kubectl(namespace)
  const { kubernetes, keda, hpaSyncSeconds, watch } = recorder
  await using stage = new Stage(namespace, recorder)
  try {
    await kubectl.run('create', 'namespace', namespace)
    await stage.open(trace)
    watch.tell(namespace, (count) => stage.resize(count))
    await kubectl.apply(deployment(trace))
    if (trace.running) await kubectl.run('rollout', 'status', 'deployment/consumer', '--timeout=60s')
    await kubectl.apply(scaledObject(trace, stage.triggers(trace)))
    const beganMs = performance.now()
    const annotated: [number, NonNullable<Trace['steps'][number]['annotate']>][] = []
    const arrivals: [number, number, string][] = []
    const seen: Recording['seen'][number][] = []
    const sampling = new AbortController()
    const look = async (): Promise<void> => {
      const atMs = performance.now()
      const told = await stage.see(trace)
      const [, ...before] = seen.at(-1) ?? [0]
      if (JSON.stringify(before) !== JSON.stringify(told)) seen.push([seconds(atMs - beganMs), ...told])
    }
    // One after the other, so that no sample is of a step that is half done.
    let last = Promise.resolve()
    const alone = (work: () => Promise<void>): Promise<void> => {
      last = last.then(work)
      return last
    }
    const sampler = repeat(() => alone(look), beganMs, sampling.signal)
    for (const step of trace.steps) {
      await until(beganMs + step.at * 1000)
      if (step.publish) arrivals.push([seconds(performance.now() - beganMs), step.publish, step.queue ?? 'work'])
      await alone(() => stage.act(step).then(look))
      if (!step.annotate) continue
      await annotate(kubectl, step.annotate)
      annotated.push([seconds(performance.now() - beganMs), step.annotate])
    }
    await until(beganMs + trace.seconds * 1000)
    sampling.abort()
    await sampler
    const { about, seconds: length, replicas = 0, work = null } = trace
    const object = scaledObject(trace, trace.spec.triggers as object[]) as Recording['object']
    const told = { about, kubernetes, keda, hpaSyncSeconds, object, replicasBefore: replicas, seconds: length }
    write(name, { ...told, annotated, arrivals, work, seen, replicas: watch.of(namespace, beganMs) })
  } finally {
    await kubectl.run('delete', 'namespace', namespace, '--ignore-not-found', '--timeout=120s')
  }
}

async function repeat(look: () => Promise<void>, beganMs: number, signal: AbortSignal): Promise<void> {
  for (let next = beganMs; !signal.aborted; next += sampleMs) {
    await look()
    await delay(Math.max(0, next + sampleMs - performance.now()), undefined, { signal }).catch(() => {})
  }
}

const write = (name: string, recording: Recording): void =>
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(recording))

async function main(names: readonly string[]): Promise<number> {
  const { KUBECONFIG, KEDAFN_RECORD_AMQP: amqpUrl, KEDAFN_RECORD_HTTP: managementUrl } = process.env
  if (!KUBECONFIG || !amqpUrl || !managementUrl) throw new UsageError(needs)
  const chosen = names.length === 0 ? Object.keys(traces) : names
  for (const name of chosen) if (!traces[name]) throw new UsageError(`there is no trace ${name}`)
  const cluster = new Kubectl('default')
  const { serverVersion } = await cluster.json<{ serverVersion: { gitVersion: string } }>('version')
  const watch = new ReplicaWatch()
  watch.start()
  const hpaSyncSeconds = Number(process.env.KEDAFN_RECORD_HPA_SYNC || 15)
  const keda = process.env.KEDAFN_RECORD_KEDA || 'unknown'
  const recorder = { amqpUrl, managementUrl, kubernetes: serverVersion.gitVersion, keda, hpaSyncSeconds, watch }
  const length = (name: string): number => traces[name]?.seconds ?? 0
  const waiting = chosen.toSorted((a, b) => length(a) - length(b))
  let failures = 0
  const work = async (): Promise<void> => {
    for (let name = waiting.pop(); name !== undefined && !stop.signal.aborted; name = waiting.pop()) {
      const said = await record(name, traces[name] as Trace, recorder).then(
        () => 'recorded',
        (error: unknown) => `failed: ${describe(error)}`,
      )
      if (said !== 'recorded') failures++
      process.stdout.write(`${name}: ${said}\n`)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  watch.stop()
  spawnSync(process.execPath, [biome, 'format', '--write', folder], { stdio: 'ignore' })
  return failures === 0 ? 0 : 1
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`${describe(error)}\n`)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
