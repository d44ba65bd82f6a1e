import { describe } from '../../runtime/core/errors.ts'
import type { Inspector } from '../../runtime/rabbitmq/inspect.ts'
import { askManagement } from '../broker/management.ts'
import type { Reading } from './history.ts'
import type { QueueTrigger } from './scaled-object.ts'

/** KEDA's own, by KEDA_HTTP_DEFAULT_TIMEOUT. */
const httpTimeoutMs = 3000

export interface QueueMetricsOptions {
  /** Answers for the triggers with protocol amqp. */
  readonly inspector: Inspector
  /** Answers for those with http; null: the broker has no management, and each such reading fails. */
  readonly managementUrl: string | null
  readonly vhost: string
}

export interface QueueMetrics {
  /** One poll, as KEDA's RabbitMQ scaler does it. Never rejects. */
  read(trigger: QueueTrigger): Promise<Reading>
}

/** Asks the local broker what KEDA asks the cluster's: `host` and `vhostName` of the trigger are not looked at. */
export function queueMetrics({ inspector, managementUrl, vhost }: QueueMetricsOptions): QueueMetrics {
  /** Triggers whose last poll over amqp was answered: KEDA keeps their connection. */
  const connected = new Set<QueueTrigger>()

  const overAmqp = async (trigger: QueueTrigger): Promise<Reading> => {
    const wasConnected = connected.delete(trigger)
    try {
      const depth = await inspector.depth(trigger.queue)
      if (depth === null) return { kind: 'failed', cause: `there is no queue ${trigger.queue}` }
      connected.add(trigger)
      return { kind: 'value', value: depth.ready }
    } catch (error) {
      // n.b. a connection that stood and broke is a failure of KEDA's scaler; one that cannot be made anew is no scaler at all.
      const refused = error instanceof Error && 'code' in error && typeof error.code === 'number'
      return { kind: wasConnected || refused ? 'failed' : 'unbuilt', cause: describe(error) }
    }
  }

  const overHttp = async (trigger: QueueTrigger): Promise<Reading> => {
    if (managementUrl === null) return { kind: 'failed', cause: 'the broker has no management' }
    try {
      const path = `queues/${encodeURIComponent(vhost)}/${encodeURIComponent(trigger.queue)}?columns=messages,messages_ready`
      const response = await askManagement(managementUrl, { path, signal: AbortSignal.timeout(httpTimeoutMs) })
      if (!response.ok) {
        await response.body?.cancel()
        return { kind: 'failed', cause: `the management answered ${response.status} for queue ${trigger.queue}` }
      }
      const queue = (await response.json()) as { messages?: number; messages_ready?: number }
      // n.b. a queue in its first seconds has no counts yet, which KEDA reads as 0.
      const value = (trigger.excludeUnacknowledged ? queue.messages_ready : queue.messages) ?? 0
      return { kind: 'value', value }
    } catch (error) {
      return { kind: 'failed', cause: describe(error) }
    }
  }

  return { read: (trigger) => (trigger.protocol === 'amqp' ? overAmqp(trigger) : overHttp(trigger)) }
}
