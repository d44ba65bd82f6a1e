/**
 * Bare amqplib with the guarantees of the runtime's consumer: everything that came while the last write ran is one write, one
 * fdatasync, one ack. No reconnect, no retries, no decoding, no logging. Runs until it is killed.
 *
 * node bench/rivals/bare-consumer.ts AMQP_URL QUEUE OUTPUT
 */
import { open } from 'node:fs/promises'
import { type ConsumeMessage, connect } from 'amqplib'

const [url = '', queue = '', output = ''] = process.argv.slice(2)
const connection = await connect(url, { noDelay: true })
const channel = await connection.createChannel()
await channel.prefetch(1000)
const file = await open(output, 'a')
const newline = Buffer.from('\n')

let waiting: ConsumeMessage[] = []
let writing = false

async function flush(): Promise<void> {
  writing = true
  while (waiting.length > 0) {
    const group = waiting
    waiting = []
    const parts: Buffer[] = []
    for (const message of group) parts.push(message.content, newline)
    await file.appendFile(Buffer.concat(parts))
    await file.datasync()
    channel.ack(group.at(-1) as ConsumeMessage, true)
  }
  writing = false
}

await channel.consume(queue, (message) => {
  if (!message) throw new Error('cancelled')
  waiting.push(message)
  if (!writing) {
    writing = true
    setImmediate(() => void flush())
  }
})
process.stdout.write('ready\n')
// What is acked already has left when the connection is closed.
process.once('SIGTERM', () => void connection.close().then(() => process.exit()))
