import type { ChannelModel } from 'amqplib'
import { describe, FnError } from '../core/errors.ts'
import type { Declaration } from '../core/topology.ts'
import type { Life } from './connection.ts'
import { codeOf } from './failures.ts'

/** Makes what is missing; what stands with the same arguments stays. On one channel, in order. */
export async function declareTopology(
  connection: ChannelModel,
  life: Life,
  topology: readonly Declaration[],
): Promise<void> {
  const channel = await life.guard(connection.createChannel())
  const unwatch = life.watch(channel)
  for (const declaration of topology) {
    if (declaration.kind === 'exchange') {
      await life.guard(channel.assertExchange(declaration.name, declaration.type, { durable: true }))
    } else if (declaration.kind === 'queue') {
      await life.guard(
        channel.assertQueue(declaration.name, { durable: true, arguments: { ...declaration.arguments } }),
      )
    } else await life.guard(channel.bindQueue(declaration.queue, declaration.exchange, ''))
  }
  unwatch()
  await life.guard(channel.close())
}

/**
 * Checks that exchanges and queues stand, and changes nothing. Bindings and arguments cannot be asked for over AMQP. What the
 * user may not see is not checked, for a role needs no permission on all of it (from 4.3 on a check asks for one); what it
 * does need is refused when it is used.
 * @throws FnError FN_TOPOLOGY_MISSING naming all that is missing
 */
export async function verifyTopology(
  connection: ChannelModel,
  life: Life,
  topology: readonly Declaration[],
): Promise<void> {
  const missing: string[] = []
  for (const declaration of topology) {
    if (declaration.kind === 'binding') continue
    const channel = await life.guard(connection.createChannel())
    // A failed check closes its channel: that is the answer, and no reason to end the session.
    channel.on('error', () => {})
    try {
      const { kind, name } = declaration
      await life.guard(kind === 'exchange' ? channel.checkExchange(name) : channel.checkQueue(name))
      await life.guard(channel.close())
    } catch (error) {
      if (codeOf(error) === 403) continue
      if (!/no (queue|exchange) '/.test(describe(error))) throw error
      missing.push(`${declaration.kind} '${declaration.name}'`)
    }
  }
  if (missing.length > 0) {
    const hint = 'Apply the topology first, or set KEDAFN_TOPOLOGY=declare'
    throw new FnError('FN_TOPOLOGY_MISSING', `${missing.join(', ')}. ${hint}`)
  }
}
