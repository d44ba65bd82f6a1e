/**
 * Bare amqplib that publishes bodies of 99 bytes: persistent, mandatory, confirmed in a window. Says `ready`, then `done` once the last
 * confirm is there.
 *
 * node bench/rivals/bare-publisher.ts AMQP_URL EXCHANGE LINES [WINDOW]
 */
import { connect } from 'amqplib'

const [url = '', exchange = '', lines = '0', window = '1000'] = process.argv.slice(2)
const [count, most] = [Number(lines), Number(window)]
const connection = await connect(url, { noDelay: true })
const channel = await connection.createConfirmChannel()
channel.on('return', () => {
  throw new Error('unroutable')
})
const body = Buffer.alloc(99, '.')
process.stdout.write('ready\n')

let [sent, confirmed] = [0, 0]
let wake = () => {}
const onConfirm = (error: unknown) => {
  if (error) throw error
  confirmed++
  wake()
}
while (confirmed < count) {
  while (sent < count && sent - confirmed < most) {
    channel.publish(
      exchange,
      '',
      body,
      { persistent: true, mandatory: true, messageId: `file:${sent * 100}` },
      onConfirm,
    )
    sent++
  }
  await new Promise<void>((resolve) => {
    wake = resolve
  })
}
process.stdout.write('done\n')
await connection.close()
