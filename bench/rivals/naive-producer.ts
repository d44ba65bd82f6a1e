/**
 * The safe loop everybody writes first: one line, await its confirm, the next line.
 *
 * node bench/rivals/naive-producer.ts AMQP_URL QUEUE INPUT
 */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { connect } from 'amqplib'

const [url = '', queue = '', input = ''] = process.argv.slice(2)
const connection = await connect(url, { noDelay: true })
const channel = await connection.createConfirmChannel()
for await (const line of createInterface({ input: createReadStream(input) })) {
  channel.publish(queue, '', Buffer.from(line), { persistent: true, mandatory: true })
  await channel.waitForConfirms()
}
await connection.close()
