/**
 * The topology of a queue name as data: what the runtime declares or verifies, and what manifests are rendered from.
 * The arguments are the same on RabbitMQ 3.10 to 4.3, and redeclaring with others is refused (406), so they stand here alone.
 */

export type Declaration =
  | { readonly kind: 'exchange'; readonly name: string; readonly type: 'fanout' }
  | {
      readonly kind: 'queue'
      readonly name: string
      readonly arguments: Readonly<Record<string, string | number | boolean>>
      /** Arguments that matter only if the queue is missing: if it stands, it is taken with others too. */
      readonly tolerated?: readonly string[]
    }
  | { readonly kind: 'binding'; readonly exchange: string; readonly queue: string }

export const deadQueueOf = (queue: string): string => `${queue}.dead`
export const historyOf = (exchange: string): string => `${exchange}.history`
/** A retry queue is named after its delay, so that a changed ladder adds queues and never meets one with another TTL. */
export const retryQueueOf = (queue: string, delayMs: number): string => `${queue}.retry.${delayMs}`

/** Where a producer without a disk keeps its checkpoint. */
export const checkpointQueueOf = (queue: string, source: string): string => `${queue}.checkpoint.${source}`
/** Exclusive to the connection of the producer that works, and gone with it: never declared beforehand. */
export const lockQueueOf = (queue: string, source: string): string => `${queue}.lock.${source}`

/** Small segments: a stream is trimmed by age only once a whole segment is older. */
const historySegmentBytes = 16 * 1024 * 1024

const singleActiveConsumer = 'x-single-active-consumer'

/**
 * n.b. A bare quorum queue drops a message on its 21st delivery from RabbitMQ 4.0 on, prefetched ones included: hence the
 * limit *and* the dead-letter target. At-least-once dead-lettering needs `reject-publish`. `-1` is no way out: on 3.10 it
 * dead-letters at the first requeue.
 */
const workArguments = (queue: string, ordered: boolean) => ({
  'x-queue-type': 'quorum',
  'x-delivery-limit': 1000,
  'x-dead-letter-exchange': '',
  'x-dead-letter-routing-key': deadQueueOf(queue),
  'x-dead-letter-strategy': 'at-least-once',
  'x-overflow': 'reject-publish',
  // One consumer at a time gets deliveries; the next one takes over when it goes.
  ...(ordered ? { [singleActiveConsumer]: true } : {}),
})

/** Reading dead letters with get and requeue counts as deliveries too: the limit must be out of reach. */
const deadArguments = { 'x-queue-type': 'quorum', 'x-delivery-limit': 1_000_000 }

const retryArguments = (queue: string, delayMs: number) => ({
  'x-queue-type': 'quorum',
  'x-message-ttl': delayMs,
  'x-dead-letter-exchange': '',
  'x-dead-letter-routing-key': queue,
  'x-dead-letter-strategy': 'at-least-once',
  'x-overflow': 'reject-publish',
})

const historyArguments = {
  'x-queue-type': 'stream',
  'x-max-age': '7D',
  'x-stream-max-segment-size-bytes': historySegmentBytes,
}

/**
 * What must stand before a queue can be published to or consumed from. Dead-letter targets come before their sources:
 * at-least-once dead-lettering to a missing target tries again only after 180 s.
 */
export function topologyOf(
  queue: string,
  exchange: string,
  retryDelaysMs: readonly number[] = [],
  ordered = false,
): readonly Declaration[] {
  const history = historyOf(exchange)
  return [
    { kind: 'exchange', name: exchange, type: 'fanout' },
    { kind: 'queue', name: deadQueueOf(queue), arguments: deadArguments },
    { kind: 'queue', name: queue, arguments: workArguments(queue, ordered) },
    ...retryDelaysMs.map((delayMs): Declaration => {
      return { kind: 'queue', name: retryQueueOf(queue, delayMs), arguments: retryArguments(queue, delayMs) }
    }),
    { kind: 'queue', name: history, arguments: historyArguments },
    { kind: 'binding', exchange, queue: history },
    { kind: 'binding', exchange, queue },
  ]
}

/**
 * What a producer needs. Whether the queue is ordered is its consumer's affair: a producer takes it as it stands.
 * @param ordered how a missing queue is made: with other arguments than the consumer's, the consumer would be refused
 */
export const producerTopologyOf = (queue: string, exchange: string, ordered: boolean): readonly Declaration[] =>
  topologyOf(queue, exchange, [], ordered).map((declaration) =>
    declaration.kind === 'queue' && declaration.name === queue
      ? { ...declaration, tolerated: [singleActiveConsumer] }
      : declaration,
  )

/** The queues that an exchange of the topology feeds, but for its history: what is routed to that alone is not delivered. */
export function boundQueuesOf(
  topology: readonly Declaration[],
): readonly { readonly queue: string; readonly exchange: string }[] {
  const histories = topology.flatMap((declaration) => {
    return declaration.kind === 'queue' && declaration.arguments['x-queue-type'] === 'stream' ? declaration.name : []
  })
  return topology.flatMap((declaration) => {
    if (declaration.kind !== 'binding' || histories.includes(declaration.queue)) return []
    return { queue: declaration.queue, exchange: declaration.exchange }
  })
}

/** One message, the newest. Each start reads it with get and requeue: the delivery limit must be out of reach. */
export const checkpointTopology = (queue: string, source: string) => {
  return {
    kind: 'queue',
    name: checkpointQueueOf(queue, source),
    arguments: {
      'x-queue-type': 'quorum',
      'x-max-length': 1,
      'x-overflow': 'drop-head',
      'x-delivery-limit': 1_000_000,
    },
  } as const satisfies Declaration
}
