import { lockQueueOf, topologyOf } from '../../runtime/core/topology.ts'
import type { Lane } from './lane.ts'
import type { Refusal } from './saboteur.ts'

/** What a run's own name on the broker is, and its queue. */
export interface Refused {
  readonly lane: Lane
  readonly queue: string
  /** Of a producer: its lock bears it. */
  readonly source: string
}

export interface Means {
  /** Of which victims' lists it is. */
  readonly of: readonly ('consumer' | 'producer')[]
  /** What the victim logs of it. */
  readonly feltAs: RegExp
  /** A person must mend it: the process may end with this code. */
  readonly endsWith: string | null
  /** How long it is waited for, in ms: after the last call of its kind there is nothing to refuse. */
  readonly patienceMs: number
  /** @returns what lifts it */
  begin(refused: Refused): Promise<() => Promise<unknown>>
}

const both = ['consumer', 'producer'] as const
const anyWarning = { feltAs: /^no session with the broker/, endsWith: null, patienceMs: 300 }
/** A reset comes before these: the next session meets them, so they are felt, or there is no next session. */
const metOnReconnect = { feltAs: /^/, patienceMs: 10_000 }

/**
 * n.b. A policy comes into force some time after it was set, and a quorum queue refuses once it has more than it may: one more
 * than none. So it is filled until it does; what fills it is never taken for anything else.
 */
const full = (of: Means['of'], nameOf: (queue: string) => string): Means => ({
  ...anyWarning,
  of,
  async begin({ lane: { vhost, broker }, queue }) {
    await vhost.fill(nameOf(queue))
    await broker.fillUp(nameOf(queue))
    return () => vhost.unfill()
  },
})

/** What fills a retry queue would come to the consumer: another queue tells when it refuses all but one. */
const retryFull: Means = {
  ...anyWarning,
  patienceMs: 1000,
  of: ['consumer'],
  async begin({ lane: { vhost, broker }, queue }) {
    await broker.declare({ 'x-queue-type': 'quorum' }, 'probe')
    await vhost.fill(`(${queue}.retry.10|probe)`)
    await broker.fillUp('probe')
    return async () => {
      await vhost.unfill()
      await broker.remove('probe')
    }
  },
}

/** Without its dead queue, or with another one, as long as that is empty: what stands in it must not be lost by the test. */
async function replaceDead({ lane: { broker }, queue }: Refused, replacement: 'none' | 'classic') {
  const dead = `${queue}.dead`
  if ((await broker.ready(dead)) > 0) return async () => {}
  await broker.remove(dead)
  if (replacement === 'classic') await broker.declare({ 'x-queue-type': 'classic' }, dead)
  return async () => {
    if (replacement === 'classic') await broker.remove(dead)
    for (const declaration of topologyOf(queue, queue)) {
      if (declaration.kind === 'queue' && declaration.name === dead) await broker.declare(declaration.arguments, dead)
    }
  }
}

/** The ways of the broker to refuse, each for a moment. What it cannot refuse stands with the reason in refusals.ts. */
export const means: Readonly<Record<Refusal, Means>> = {
  unroutable: {
    ...anyWarning,
    of: ['producer'],
    async begin({ lane: { broker }, queue }) {
      await broker.unbind(queue)
      return () => broker.bind(queue)
    },
  },
  full: full(['producer'], (queue) => queue),
  'dead full': full(both, (queue) => `${queue}.dead`),
  'retry full': retryFull,
  'dead gone': { ...anyWarning, of: both, begin: (refused) => replaceDead(refused, 'none') },
  mismatch: {
    ...metOnReconnect,
    of: both,
    endsWith: 'FN_TOPOLOGY_MISMATCH',
    begin: (refused) => replaceDead(refused, 'classic'),
  },
  forbidden: {
    ...metOnReconnect,
    of: both,
    endsWith: 'FN_PERMISSION_REFUSED',
    async begin({ lane: { user } }) {
      await user.permit('^$')
      return () => user.permit('.*')
    },
  },
  'login refused': {
    ...metOnReconnect,
    of: both,
    endsWith: 'FN_LOGIN_REFUSED',
    async begin({ lane: { user } }) {
      await user.setPassword('another one')
      return () => user.setPassword()
    },
  },
  locked: {
    feltAs: /^waiting for the lock/,
    endsWith: null,
    patienceMs: 3000,
    of: ['producer'],
    async begin({ lane: { broker }, queue, source }) {
      const rival = await broker.hold(lockQueueOf(queue, source))
      return () => rival.close()
    },
  },
}
