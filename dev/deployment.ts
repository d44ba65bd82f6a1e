import { noCounters } from '../runtime/core/counters.ts'
import type { Counters } from '../runtime/ports.ts'
import type { Population } from './autoscaler/autoscaler.ts'
import type { Member, MemberStatus } from './member.ts'
import type { Plan } from './plan.ts'
import { sum } from './process.ts'

/** What became of a function, over all of its processes, gone ones included. */
export interface FunctionStatus {
  readonly counters: Counters
  readonly unsettled: number
  readonly restarts: number
}

/** One process of a function, as a person sees it. */
export interface PodStatus extends MemberStatus {
  readonly name: string
  readonly ready: boolean
  readonly draining: boolean
  readonly pid: number | null
  /** ms since 1970. */
  readonly createdMs: number
}

export interface DeploymentOptions {
  readonly plan: Plan
  /** The name of a new pod. */
  podName(): string
  /** A pod that does not run yet. `changed` is called whenever its status does. */
  member(name: string): Member
  /** A pod is gone for good. */
  gone(name: string): void
  /** Asks a pod whether it is ready; null: it is when its process says that it runs. */
  readonly probe: ((port: number) => Promise<boolean>) | null
  /** So many pods more than wanted may be there while one bundle replaces another; 0: a pod's name is free only once it is gone. */
  readonly maxSurge: number
  after(ms: number, fn: () => void): () => void
  /** ms since 1970. */
  now(): number
  /** What the Deployment's container requests, in thousandths of a core. */
  readonly requestedMilli: number
  /** What a process has used, in thousandths of a core; null: not known. */
  usedMilli(pid: number): number | null
}

interface Pod {
  readonly name: string
  readonly member: Member
  readonly createdMs: number
  /** Which bundle it was started from, counted from 0. */
  readonly build: number
  /** The process that said it is ready: the next one has to say so itself. */
  readyPid: number | null
  draining: boolean
}

const probeEveryMs = 500
const rollEveryMs = 100
/** So many pods fewer than wanted may be ready meanwhile, as the rendered Deployments have it. */
const maxUnavailable = 1

/** 0 to N processes of one consumer. Fewer means that some drain: they are none of its pods from then on, but still there. */
export class Deployment {
  readonly plan: Plan
  readonly #options: DeploymentOptions
  readonly #pods = new Map<string, Pod>()
  readonly #ends = new Set<Promise<boolean>>()
  #replicas = 0
  #build = 0
  #rolling = false
  #before: FunctionStatus = { counters: noCounters, unsettled: 0, restarts: 0 }
  #allWell = true

  constructor(options: DeploymentOptions) {
    this.plan = options.plan
    this.#options = options
  }

  get replicas(): number {
    return this.#replicas
  }

  get pods(): readonly PodStatus[] {
    return [...this.#pods.values()].map((pod) => {
      const { name, createdMs, draining, member } = pod
      return { ...member.status, name, createdMs, draining, pid: member.pid, ready: this.#isReady(pod) && !draining }
    })
  }

  get status(): FunctionStatus {
    return this.pods.reduce(
      (total, pod) => ({
        counters: sum(total.counters, pod.counters),
        unsettled: total.unsettled + pod.unsettled,
        restarts: total.restarts + pod.restarts,
      }),
      this.#before,
    )
  }

  /** What the autoscaler sees of it. */
  get population(): Population {
    const { requestedMilli, usedMilli } = this.#options
    const pods = this.pods.filter(({ draining }) => !draining)
    return {
      replicas: this.#replicas,
      pods: pods.map(({ ready, pid }) => ({ ready, requestedMilli, usedMilli: pid === null ? null : usedMilli(pid) })),
    }
  }

  /** True if every pod that is wanted takes deliveries. */
  get running(): boolean {
    const pods = this.pods.filter(({ draining }) => !draining)
    return pods.length === this.#replicas && pods.every(({ state }) => state === 'running')
  }

  /** Starts what is missing, drains what is too much: what is not ready first, then what crashed most, then the youngest. */
  scale(replicas: number): void {
    this.#replicas = replicas
    const wanted = this.#wanted()
    for (let missing = replicas - wanted.length; missing > 0; missing--) this.#add()
    const least = wanted.reverse().sort((one, other) => rankOf(one) - rankOf(other))
    for (const pod of least.slice(0, Math.max(0, wanted.length - replicas))) this.#drain(pod)
  }

  /** Replaces every pod by one of the bundle as it is now, a few at a time. */
  roll(): void {
    this.#build++
    if (!this.#rolling) this.#advance()
  }

  /** Drains all of it. @returns whether every process that was ever told to end ended by itself with exit code 0 */
  async stop(): Promise<boolean> {
    this.scale(0)
    await Promise.all(this.#ends)
    const well = this.#allWell
    this.#allWell = true
    return well
  }

  /** Ends a process at once, as an accident would. @returns false if there is none of this name */
  crash(name: string): boolean {
    const pod = this.#pods.get(name)
    if (!pod || pod.member.pid === null) return false
    pod.member.crash()
    return true
  }

  tell(message: object): void {
    for (const { member } of this.#pods.values()) member.tell(message)
  }

  kill(): void {
    for (const { member } of this.#pods.values()) member.kill()
  }

  #add(): void {
    const { podName, member, now, probe } = this.#options
    const name = podName()
    const build = this.#build
    const pod: Pod = { name, member: member(name), createdMs: now(), build, readyPid: null, draining: false }
    this.#pods.set(name, pod)
    pod.member.start()
    if (probe) this.#probe(pod, probe)
  }

  /** One step of a roll. n.b. `maxSurge` and `maxUnavailable` as in kubernetes `pkg/controller/deployment/rolling.go`. */
  #advance(): void {
    const { maxSurge, after } = this.#options
    const least = this.#replicas - maxUnavailable
    let wanted = this.#wanted()
    const fresh = wanted.filter(({ build }) => build === this.#build)
    const there = maxSurge === 0 ? this.#pods.size : wanted.length
    const starts = Math.min(this.#replicas + maxSurge - there, this.#replicas - fresh.length)
    for (let left = starts; left > 0; left--) this.#add()
    wanted = this.#wanted()
    const old = wanted.filter(({ build }) => build !== this.#build)
    const unready = wanted.length - wanted.filter((pod) => this.#isReady(pod)).length
    const [broken, sound] = [old.filter((pod) => !this.#isReady(pod)), old.filter((pod) => this.#isReady(pod))]
    for (const pod of broken.slice(0, Math.max(0, wanted.length - least - (unready - broken.length)))) this.#drain(pod)
    for (const pod of sound.slice(0, Math.max(0, wanted.length - unready - least))) this.#drain(pod)
    this.#rolling = old.length > 0 || this.#wanted().length < this.#replicas
    if (this.#rolling) after(rollEveryMs, () => this.#advance())
  }

  #wanted(): Pod[] {
    return [...this.#pods.values()].filter(({ draining }) => !draining)
  }

  #isReady({ member, readyPid }: Pod): boolean {
    const answered = member.pid !== null && member.pid === readyPid
    return member.status.state === 'running' && (answered || this.#options.probe === null)
  }

  #drain(pod: Pod): void {
    pod.draining = true
    const end = pod.member.stop().then((well) => {
      if (!well) this.#allWell = false
      const { counters, restarts } = pod.member.status
      this.#before = {
        counters: sum(this.#before.counters, counters),
        unsettled: 0,
        restarts: this.#before.restarts + restarts,
      }
      this.#pods.delete(pod.name)
      this.#ends.delete(end)
      this.#options.gone(pod.name)
      return well
    })
    this.#ends.add(end)
  }

  #probe(pod: Pod, probe: (port: number) => Promise<boolean>): void {
    this.#options.after(probeEveryMs, () => {
      if (this.#pods.get(pod.name) !== pod || pod.draining) return
      const { pid } = pod.member
      const { probePort } = pod.member.status
      const asked = pid === null || probePort === null ? Promise.resolve(false) : probe(probePort)
      void asked.then((ready) => {
        pod.readyPid = ready ? pid : null
        this.#probe(pod, probe)
      })
    })
  }
}

/** n.b. the ReplicaSet controller's order: `ActivePodsWithRanks` in kubernetes `pkg/controller/controller_utils.go`. */
const rankOf = ({ readyPid, member }: Pod): number =>
  (readyPid !== null && readyPid === member.pid ? 1_000_000 : 0) - member.status.restarts
