import { connect, type GetMessage } from 'amqplib'

/** Publishes to an exchange, confirmed. */
export async function send(url: string, exchange: string, bodies: readonly string[]): Promise<void> {
  const connection = await connect(url, { noDelay: true })
  try {
    const channel = await connection.createConfirmChannel()
    for (const body of bodies) channel.publish(exchange, '', Buffer.from(body), { persistent: true })
    await channel.waitForConfirms()
  } finally {
    await connection.close()
  }
}

/** Takes `count` messages out of a queue; fails if it has fewer. */
export async function take(
  url: string,
  queue: string,
  count: number,
): Promise<{ body: Buffer; headers: Record<string, unknown> }[]> {
  const connection = await connect(url, { noDelay: true })
  try {
    const channel = await connection.createChannel()
    const taken: GetMessage[] = []
    while (taken.length < count) {
      const message = await channel.get(queue)
      if (!message) throw new Error(`${queue} holds ${taken.length} messages, not ${count}`)
      taken.push(message)
      channel.ack(message)
    }
    // n.b. amqplib writes a connection's close past what its channels have buffered, such as the acks.
    await channel.close()
    return taken.map(({ content, properties }) => ({ body: content, headers: properties.headers ?? {} }))
  } finally {
    await connection.close()
  }
}

/** How many messages wait in a queue; 0 if there is no such queue. */
export async function ready(url: string, queue: string): Promise<number> {
  const connection = await connect(url, { noDelay: true })
  try {
    const channel = await connection.createChannel()
    channel.on('error', () => {})
    return (await channel.checkQueue(queue).catch(() => ({ messageCount: 0 }))).messageCount
  } finally {
    await connection.close()
  }
}
