import type { Declaration } from '../../runtime/core/topology.ts'

/** A definitions file, as `rabbitmqctl import_definitions` and the management's import take it. */
export interface Definitions {
  readonly vhosts: readonly { readonly name: string }[]
  readonly exchanges: readonly Readonly<Record<string, unknown>>[]
  readonly queues: readonly Readonly<Record<string, unknown>>[]
  readonly bindings: readonly Readonly<Record<string, unknown>>[]
}

/** What functions want declared on one vhost. Users are not in it: it would hold their passwords' hashes. */
export function definitionsOf(wanted: readonly Declaration[], vhost: string): Definitions {
  return {
    vhosts: [{ name: vhost }],
    exchanges: wanted.flatMap((one) =>
      one.kind === 'exchange'
        ? [{ name: one.name, vhost, type: one.type, durable: true, auto_delete: false, internal: false, arguments: {} }]
        : [],
    ),
    queues: wanted.flatMap((one) =>
      one.kind === 'queue'
        ? [{ name: one.name, vhost, durable: true, auto_delete: false, arguments: { ...one.arguments } }]
        : [],
    ),
    bindings: wanted.flatMap((one) =>
      one.kind === 'binding'
        ? [
            {
              source: one.exchange,
              vhost,
              destination: one.queue,
              destination_type: 'queue',
              routing_key: '',
              arguments: {},
            },
          ]
        : [],
    ),
  }
}
