import type { ChannelModel } from 'amqplib'
import type { Declaration } from '../../runtime/core/topology.ts'
import { Life } from '../../runtime/rabbitmq/connection.ts'
import { compareTopology } from '../../runtime/rabbitmq/differences.ts'
import { declareTopology } from '../../runtime/rabbitmq/topology.ts'
import { type Comparison, type Deviation, labelOf } from '../topology/comparison.ts'

/** A life that ends with its connection. */
function lifeOf(connection: ChannelModel): Life {
  const life = new Life()
  connection.on('close', (cause?: Error) => life.end(cause ?? new Error('the broker closed the connection')))
  return life
}

/** What AMQP can tell of a topology: not the bindings, and of nothing more than the user may see. */
export async function compareOverAmqp(connection: ChannelModel, wanted: readonly Declaration[]): Promise<Comparison> {
  const { missing, differences, unseen } = await compareTopology(connection, lifeOf(connection), wanted)
  const deviations = wanted.flatMap((declaration): Deviation[] => {
    const label = labelOf(declaration)
    if (missing.includes(label)) return [{ declaration, kind: 'missing', differences: [] }]
    const own = differences.filter((one) => one.startsWith(`${label}: `)).map((one) => one.slice(label.length + 2))
    return own.length === 0 ? [] : [{ declaration, kind: 'different', differences: own }]
  })
  return { deviations, unseen }
}

/** Makes what is missing. What stands is taken as it is, or refused: nothing is changed or deleted. */
export const declare = (connection: ChannelModel, missing: readonly Declaration[]): Promise<void> =>
  declareTopology(connection, lifeOf(connection), missing)
