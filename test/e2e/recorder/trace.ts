import type { Work } from '../../dev/autoscaler/recording.ts'

/** What is done to the queue, or to the object, at one second of a trace. */
export interface TraceStep {
  readonly at: number
  /** @default work */
  readonly queue?: string
  readonly publish?: number
  /** Got and acknowledged. */
  readonly take?: number
  /** Got, and held without an acknowledgement until `finish`. */
  readonly hold?: number
  /** Acknowledged, of those that are held. */
  readonly finish?: number
  /** Annotations below `autoscaling.keda.sh/`; null removes one. */
  readonly annotate?: Readonly<Record<string, string | null>>
  readonly change?: 'delete queue' | 'declare queue' | 'break connection' | 'mend connection'
}

export interface Trace {
  readonly about: string
  readonly spec: Readonly<Record<string, unknown>>
  readonly annotations?: Readonly<Record<string, string>>
  /** Of the Deployment, before there is a ScaledObject. @default 0 */
  readonly replicas?: number
  /** Its pods run. Without it they wait for a scheduler that there is not, which costs nothing and counts as much. */
  readonly running?: boolean
  /** KEDA reaches the broker by a connection that steps can break. */
  readonly breakable?: boolean
  /** Its replicas work. Nothing is to be taken from outside then. */
  readonly work?: Work
  readonly steps: readonly TraceStep[]
  readonly seconds: number
}

interface TriggerOptions {
  readonly queue?: string
  readonly metadata?: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

/** 10 messages for each replica. */
export function trigger(protocol: 'http' | 'amqp', { queue = 'work', metadata, ...fields }: TriggerOptions = {}) {
  const common = { protocol, queueName: queue, mode: 'QueueLength', value: '10' }
  return { type: 'rabbitmq', ...fields, metadata: { ...common, ...metadata } }
}

export const spec = (protocol: 'http' | 'amqp', changes: Readonly<Record<string, unknown>> = {}) => ({
  pollingInterval: 2,
  cooldownPeriod: 15,
  maxReplicaCount: 30,
  triggers: [trigger(protocol)],
  ...changes,
})

export const behavior = (scaleUp: object, scaleDown: object) => ({
  advanced: { horizontalPodAutoscalerConfig: { behavior: { scaleUp, scaleDown } } },
})
export const atOnce = { stabilizationWindowSeconds: 0 }
/** Scale-in without its window, so that a trace of minutes sees it. */
export const eager = behavior({}, atOnce)
