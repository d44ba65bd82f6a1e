import {
  checkpointQueueOf,
  checkpointTopology,
  type Declaration,
  lockQueueOf,
  retryQueueOf,
  topologyOf,
} from './topology.ts'

/**
 * The least that a broker user needs, as permission patterns: what manifests grant and the reference shows.
 * The broker matches a pattern with names of exchanges and queues alike; the default exchange is named `amq.default`.
 */

/** Who logs in: a function of either kind, or KEDA, which looks at the queue's length. */
export type Role = 'producer' | 'consumer' | 'scaler'

export interface RoleOptions {
  readonly queue: string
  /** @default the queue's name */
  readonly exchange?: string
  /** `verify`: somebody else has made the topology. A scaler is the same with both. */
  readonly topology: 'declare' | 'verify'
  /** `KEDAFN_LOCK` of a producer. @default true */
  readonly lock?: boolean
  /** `KEDAFN_CHECKPOINT` of a producer. @default 'file' */
  readonly checkpoint?: 'file' | 'broker'
  /** `KEDAFN_SOURCE` of a producer. @default every source of the queue */
  readonly source?: string
}

/** Regular expressions, as `rabbitmqctl set_permissions` and the management API take them. */
export interface Permissions {
  readonly configure: string
  readonly write: string
  readonly read: string
}

/** Pieces of regular expressions, each of which matches what one purpose needs. */
export interface Grants {
  readonly configure: readonly string[]
  readonly write: readonly string[]
  readonly read: readonly string[]
}

const defaultExchange = 'amq.default'

const escaped = (name: string): string => name.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')

/** @returns `^$`, which matches no name, for nothing */
const patternOf = (pieces: readonly string[]): string => {
  if (pieces.length === 0) return '^$'
  return pieces.length === 1 ? `^${pieces[0]}$` : `^(${pieces.join('|')})$`
}

/** Names of the source in a queue's name, or of every source: they are of the same characters. */
const ofSource = (nameOf: (source: string) => string, source: string | undefined): string =>
  source === undefined ? `${escaped(nameOf(''))}[A-Za-z0-9._-]+` : escaped(nameOf(source))

/** Adds pieces, each once. */
class GrantList {
  readonly configure = new Set<string>()
  readonly write = new Set<string>()
  readonly read = new Set<string>()

  /**
   * What the broker asks of who declares.
   * n.b. A queue with a dead-letter exchange asks for more, at the moment when it is made.
   */
  declaring(declaration: Declaration, pieceOf: (name: string) => string): void {
    if (declaration.kind === 'binding') {
      this.write.add(pieceOf(declaration.queue))
      this.read.add(pieceOf(declaration.exchange))
      return
    }
    const piece = pieceOf(declaration.name)
    this.configure.add(piece)
    if (declaration.kind === 'exchange' || !('x-dead-letter-exchange' in declaration.arguments)) return
    this.read.add(piece)
    this.write.add(escaped(defaultExchange))
  }

  grants(): Grants {
    return { configure: [...this.configure], write: [...this.write], read: [...this.read] }
  }
}

/** The pieces of {@link permissionsOf}: without any of them the role cannot do its work. */
export function grantsOf(role: Role, options: RoleOptions): Grants {
  const { queue, exchange = queue, topology, lock = true, checkpoint = 'file', source } = options
  const list = new GrantList()
  if (role !== 'scaler' && topology === 'declare') {
    // Any delay: a changed ladder must not need other permissions.
    const aRetry = retryQueueOf(queue, 0)
    const pieceOf = (name: string) => (name === aRetry ? `${escaped(aRetry.slice(0, -1))}[0-9]+` : escaped(name))
    for (const declaration of topologyOf(queue, exchange, role === 'consumer' ? [0] : [])) {
      list.declaring(declaration, pieceOf)
    }
  }
  if (role === 'producer') {
    list.write.add(escaped(exchange))
    // Lines that go to dead letters, and the checkpoint.
    list.write.add(escaped(defaultExchange))
    const lockPiece = ofSource((name) => lockQueueOf(queue, name), source)
    if (lock) list.configure.add(lockPiece)
    // The mark of the queue is an exchange of the lock's name, bound to the queue.
    if (lock && topology === 'declare') list.read.add(lockPiece)
    if (checkpoint === 'broker') {
      const piece = ofSource((name) => checkpointQueueOf(queue, name), source)
      list.read.add(piece)
      if (topology === 'declare') list.declaring(checkpointTopology(queue, ''), () => piece)
    }
    return list.grants()
  }
  list.read.add(escaped(queue))
  // Retries and dead letters.
  if (role === 'consumer') list.write.add(escaped(defaultExchange))
  return list.grants()
}

/**
 * The permissions of a role on its vhost.
 * n.b. KEDA's `protocol: http` needs the user tag `management` besides.
 */
export function permissionsOf(role: Role, options: RoleOptions): Permissions {
  const { configure, write, read } = grantsOf(role, options)
  return { configure: patternOf(configure), write: patternOf(write), read: patternOf(read) }
}
