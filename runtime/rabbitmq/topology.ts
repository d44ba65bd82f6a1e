import type { ChannelModel } from 'amqplib'
import { FnError } from '../core/errors.ts'
import type { Declaration } from '../core/topology.ts'
import type { Log } from '../ports.ts'
import type { Life } from './connection.ts'
import { compareTopology } from './differences.ts'
import { codeOf } from './failures.ts'

const mismatchHint =
  'Let the queue run empty, delete it (or the exchange) and start again, or use another name; arguments cannot be changed'

/**
 * Makes what is missing; what stands with the same arguments stays, and so does what the topology tolerates. In order.
 * @throws FnError FN_TOPOLOGY_MISMATCH naming every difference that can be seen
 */
export async function declareTopology(
  connection: ChannelModel,
  life: Life,
  topology: readonly Declaration[],
): Promise<void> {
  const refusal = await declareAll(connection, life, topology)
  if (refusal === null) return
  const { differences, standing } = await compareTopology(connection, life, topology)
  if (differences.length === 0) {
    const again = await declareAll(connection, life, standing)
    if (again !== null) throw again
    return
  }
  throw new FnError('FN_TOPOLOGY_MISMATCH', `${differences.join('; ')}. ${mismatchHint}`, { cause: refusal })
}

/** On one channel. @returns the refusal (406), if something stands with other arguments */
async function declareAll(connection: ChannelModel, life: Life, topology: readonly Declaration[]): Promise<unknown> {
  const channel = await life.guard(connection.createChannel())
  // A refusal closes this channel: whoever waits for the answer has it.
  channel.on('error', () => {})
  try {
    for (const declaration of topology) {
      if (declaration.kind === 'exchange') {
        await life.guard(channel.assertExchange(declaration.name, declaration.type, { durable: true }))
      } else if (declaration.kind === 'queue') {
        const options = { durable: true, arguments: { ...declaration.arguments } }
        await life.guard(channel.assertQueue(declaration.name, options))
      } else await life.guard(channel.bindQueue(declaration.queue, declaration.exchange, ''))
    }
    await life.guard(channel.close())
    return null
  } catch (error) {
    if (life.over || codeOf(error) !== 406) throw error
    return error
  }
}

/**
 * Checks that exchanges and queues stand as the topology says, and changes nothing. What the user may not see is not checked, and
 * that is logged: a role needs no permission on all of it, and what it does need is refused when it is used.
 * @throws FnError FN_TOPOLOGY_MISSING or FN_TOPOLOGY_MISMATCH naming all that is missing and all that differs
 */
export async function verifyTopology(
  connection: ChannelModel,
  life: Life,
  topology: readonly Declaration[],
  log: Log,
): Promise<void> {
  const { missing, differences, unseen } = await compareTopology(connection, life, topology)
  if (unseen.length > 0) log.info('a part of the topology cannot be checked by this user', { unchecked: unseen })
  if (missing.length > 0) {
    const also = differences.length > 0 ? `. Besides, ${differences.join('; ')}` : ''
    const hint = 'Apply the topology first, or set KEDAFN_TOPOLOGY=declare'
    throw new FnError('FN_TOPOLOGY_MISSING', `${missing.join(', ')}${also}. ${hint}`)
  }
  if (differences.length > 0) {
    throw new FnError('FN_TOPOLOGY_MISMATCH', `${differences.join('; ')}. ${mismatchHint}`)
  }
}
