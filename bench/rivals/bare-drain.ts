/**
 * Bare amqplib that consumes and does nothing with it: prefetch 1000, one ack for each 100. Says `ready`, `first` with the first
 * delivery and `done` with the last ack.
 *
 * node bench/rivals/bare-drain.ts AMQP_URL QUEUE LINES
 */
import { connect } from 'amqplib'

const [url = '', queue = '', lines = '0'] = process.argv.slice(2)
const count = Number(lines)
const connection = await connect(url, { noDelay: true })
const channel = await connection.createChannel()
await channel.prefetch(1000)
process.stdout.write('ready\n')
let taken = 0
await channel.consume(queue, (message) => {
  if (!message) throw new Error('cancelled')
  if (taken++ === 0) process.stdout.write('first\n')
  if (taken % 100 === 0 || taken === count) channel.ack(message, true)
  if (taken === count) {
    process.stdout.write('done\n')
    void connection.close()
  }
})
