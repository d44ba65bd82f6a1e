import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'

type Reply = readonly [classId: number, methodId: number, args: Buffer]

const short = (text: string): Buffer => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)])
const long = (content: Buffer): Buffer => {
  const size = Buffer.alloc(4)
  size.writeUInt32BE(content.length)
  return Buffer.concat([size, content])
}
const flag = (name: string): Buffer => Buffer.concat([short(name), Buffer.from('t\x01')])
const empty = Buffer.alloc(0)
/** A delivery that came with the answer before it would sometimes be another way through the client. */
const apartMs = 50

const capabilities = Buffer.concat(['publisher_confirms', 'basic.nack', 'consumer_cancel_notify'].map(flag))
const properties = Buffer.concat([
  ...[short('capabilities'), Buffer.from('F'), long(capabilities)],
  ...[short('product'), Buffer.from('S'), long(Buffer.from('RabbitMQ'))],
  ...[short('version'), Buffer.from('S'), long(Buffer.from('4.0.0'))],
])
const greeting = Buffer.concat([
  Buffer.from([0, 9]),
  long(properties),
  long(Buffer.from('PLAIN')),
  long(Buffer.from('en_US')),
])
const queueName = (args: Buffer): Buffer => args.subarray(2, 3 + (args[2] ?? 0))

/** What is answered to a method, by its class and number: yes to everything. Frames and heartbeats have no limits. */
const answers: Readonly<Record<string, (args: Buffer) => Reply>> = {
  '10.11': () => [10, 30, Buffer.from([0, 0, 0, 2, 0, 0, 0, 0])],
  '10.40': () => [10, 41, short('')],
  '10.50': () => [10, 51, empty],
  '20.10': () => [20, 11, long(empty)],
  '20.40': () => [20, 41, empty],
  '40.10': () => [40, 11, empty],
  '50.10': (args) => [50, 11, Buffer.concat([queueName(args), Buffer.alloc(8)])],
  '50.20': () => [50, 21, empty],
  '60.10': () => [60, 11, empty],
  '60.20': () => [60, 21, short('training')],
  '60.30': () => [60, 31, short('training')],
  '60.70': () => [60, 72, short('')],
  '85.10': () => [85, 11, empty],
}

/**
 * Says yes to whatever a client of AMQP 0.9.1 asks: confirms each message, and gives each consumer one. With it a function
 * goes through its start without a RabbitMQ, always in the same order.
 */
export async function trainingBroker(): Promise<{ readonly url: string; stop(): void }> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.setNoDelay(true).on('error', () => socket.destroy())
    converse(socket)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    url: `amqp://guest:guest@127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

function converse(socket: Socket): void {
  const send = (type: number, channel: number, payload: Buffer): void => {
    const head = Buffer.alloc(7)
    head[0] = type
    head.writeUInt16BE(channel, 1)
    head.writeUInt32BE(payload.length, 3)
    socket.write(Buffer.concat([head, payload, Buffer.from([0xce])]))
  }
  const method = (channel: number, [classId, methodId, args]: Reply): void =>
    send(1, channel, Buffer.concat([Buffer.from([0, classId, 0, methodId]), args]))
  const deliver = (channel: number): void => {
    const tag = Buffer.concat([short('training'), Buffer.from([0, 0, 0, 0, 0, 0, 0, 1, 0])])
    method(channel, [60, 60, Buffer.concat([tag, short(''), short('training')])])
    const body = Buffer.from('a line')
    send(2, channel, Buffer.from([0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, body.length, 0, 0]))
    send(3, channel, body)
  }
  let published = 0
  let rest: Buffer = empty
  let greeted = false
  socket.on('data', (data: Buffer) => {
    rest = Buffer.concat([rest, data])
    if (!greeted && rest.length >= 8) {
      greeted = true
      rest = rest.subarray(8)
      method(0, [10, 10, greeting])
    }
    while (greeted && rest.length >= 8 && rest.length >= rest.readUInt32BE(3) + 8) {
      const size = rest.readUInt32BE(3)
      const [type, channel, payload] = [rest[0], rest.readUInt16BE(1), rest.subarray(7, 7 + size)]
      rest = rest.subarray(size + 8)
      if (type !== 1) continue
      const asked = `${payload.readUInt16BE(0)}.${payload.readUInt16BE(2)}`
      const answer = answers[asked]?.(payload.subarray(4))
      if (answer) method(channel, answer)
      if (asked === '60.20') setTimeout(deliver, apartMs, channel)
      if (asked === '60.40') {
        published++
        method(channel, [60, 80, Buffer.from([0, 0, 0, 0, 0, 0, 0, published, 0])])
      }
    }
  })
}
