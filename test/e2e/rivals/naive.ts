import { appendFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { type ConsumeMessage, connect } from 'amqplib'

/** What one writes first: a message at a time. QUEUE, WORK_MS, and OUTPUT_PATH for a line a message as `stamp` writes it. */
const { AMQP_URL: url = '', QUEUE: queue = '', WORK_MS: workMs = '0', OUTPUT_PATH: output } = process.env
const connection = await connect(url, { noDelay: true })
const channel = await connection.createChannel()
await channel.prefetch(1)

async function handle(message: ConsumeMessage | null): Promise<void> {
  if (!message) process.exit(1)
  await wait(Number(workMs))
  const stamp = { body: message.content.toString(), began: performance.timeOrigin, handled: Date.now() }
  if (output) appendFileSync(output, `${JSON.stringify(stamp)}\n`)
  channel.ack(message)
}

await channel.consume(queue, (message) => void handle(message))
process.on('SIGTERM', () => process.exit(0))
