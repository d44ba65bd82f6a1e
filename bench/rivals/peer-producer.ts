/**
 * rabbitmq-client as its README shows it, at the runtime's safety: confirmed, persistent, mandatory, 1000 sends at a time.
 *
 * node bench/rivals/peer-producer.ts PACKAGES AMQP_URL EXCHANGE INPUT
 */
import { createReadStream } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

interface Publisher {
  send(envelope: object, body: Buffer): Promise<void>
  close(): Promise<void>
}
interface Library {
  readonly Connection: new (options: object) => { createPublisher(options: object): Publisher; close(): Promise<void> }
}

const [packages = '', url = '', exchange = '', input = ''] = process.argv.slice(2)
const { Connection } = createRequire(join(packages, 'package.json'))('rabbitmq-client') as Library
const connection = new Connection({ url, noDelay: true })
const publisher = connection.createPublisher({ confirm: true })
const window = 1000
let unconfirmed = 0
let wake = () => {}
let offset = 0
for await (const line of createInterface({ input: createReadStream(input) })) {
  while (unconfirmed >= window) {
    await new Promise<void>((resolve) => {
      wake = resolve
    })
  }
  unconfirmed++
  void publisher
    .send({ exchange, durable: true, mandatory: true, messageId: `file:${offset}` }, Buffer.from(line))
    .then(() => {
      unconfirmed--
      wake()
    })
  offset += line.length + 1
}
await publisher.close()
await connection.close()
