/**
 * The safe loop everybody writes first: prefetch 1, write the line, ack it. Runs until it is killed.
 *
 * node bench/rivals/naive-consumer.ts AMQP_URL QUEUE OUTPUT
 */
import { appendFile } from 'node:fs/promises'
import { connect } from 'amqplib'

const [url = '', queue = '', output = ''] = process.argv.slice(2)
const connection = await connect(url, { noDelay: true })
const channel = await connection.createChannel()
await channel.prefetch(1)
await channel.consume(queue, (message) => {
  if (!message) throw new Error('cancelled')
  void appendFile(output, `${message.content}\n`).then(() => channel.ack(message))
})
process.stdout.write('ready\n')
// What is acked already has left when the connection is closed.
process.once('SIGTERM', () => void connection.close().then(() => process.exit()))
