/**
 * rabbitmq-client as its README shows it, at the runtime's safety: each handler ends, and so acks, once its line is written and synced; all that
 * came while the last write ran are one write and one sync. Runs until it is killed.
 *
 * node bench/rivals/peer-consumer.ts PACKAGES AMQP_URL QUEUE OUTPUT
 */
import { open } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'

interface Consumer {
  on(event: 'ready', listener: () => void): void
  close(): Promise<void>
}
interface Library {
  readonly Connection: new (
    options: object,
  ) => {
    createConsumer(options: object, handler: (message: { body: Buffer }) => Promise<void>): Consumer
    close(): Promise<void>
  }
}

const [packages = '', url = '', queue = '', output = ''] = process.argv.slice(2)
const { Connection } = createRequire(join(packages, 'package.json'))('rabbitmq-client') as Library
const file = await open(output, 'a')
const newline = Buffer.from('\n')
let waiting: { readonly body: Buffer; readonly done: () => void }[] = []
let writing = false

async function flush(): Promise<void> {
  while (waiting.length > 0) {
    const group = waiting
    waiting = []
    await file.appendFile(Buffer.concat(group.flatMap(({ body }) => [body, newline])))
    await file.datasync()
    for (const { done } of group) done()
  }
  writing = false
}

const connection = new Connection({ url, noDelay: true })
const options = { queue, queueOptions: { passive: true }, qos: { prefetchCount: 1000 }, concurrency: 1000 }
const consumer = connection.createConsumer(options, ({ body }) => {
  const written = new Promise<void>((done) => waiting.push({ body, done }))
  if (!writing) {
    writing = true
    setImmediate(() => void flush())
  }
  return written
})
consumer.on('ready', () => process.stdout.write('ready\n'))
process.once('SIGTERM', () => {
  void consumer
    .close()
    .then(() => connection.close())
    .then(() => process.exit())
})
