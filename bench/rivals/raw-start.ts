/**
 * The least that Node needs from its start to an acknowledgement: AMQP 0.9.1 by hand over a socket, no library. Takes one delivery of the
 * queue `logs`, acks it and ends.
 *
 * AMQP_URL in the environment
 */
import { connect } from 'node:net'

const address = new URL(process.env.AMQP_URL ?? '')
const [user, password, vhost] = [address.username, address.password, address.pathname.slice(1)].map(decodeURIComponent)
const short = (text: string) => Buffer.concat([Buffer.of(text.length), Buffer.from(text)])
const long = (text: string) => Buffer.concat([number(text.length), Buffer.from(text)])
function number(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
function method(channel: number, kind: number, call: number, ...fields: Buffer[]): Buffer {
  const payload = Buffer.concat([Buffer.of(0, kind, 0, call), ...fields])
  return Buffer.concat([Buffer.of(1, 0, channel), number(payload.length), payload, Buffer.of(206)])
}

const answers: Record<string, (payload: Buffer) => void> = {
  // start, tune, open-ok
  '10.10': () => send(method(0, 10, 11, number(0), short('PLAIN'), long(`\0${user}\0${password}`), short('en_US'))),
  '10.30': (payload) => {
    send(method(0, 10, 31, payload.subarray(4, 10), Buffer.of(0, 0)))
    send(method(0, 10, 40, short(vhost ?? ''), short(''), Buffer.of(0)))
  },
  '10.41': () => send(method(1, 20, 10, short(''))),
  // channel.open-ok, basic.qos-ok
  '20.11': () => send(method(1, 60, 10, number(0), Buffer.of(0, 1, 0))),
  '60.11': () => send(method(1, 60, 20, Buffer.of(0, 0), short('logs'), short(''), Buffer.of(0), number(0))),
}

const socket = connect({ host: address.hostname, port: Number(address.port), noDelay: true })
socket.write(Buffer.from('AMQP\0\0\x09\x01', 'latin1'))
const send = (frame: Uint8Array) => socket.write(frame)
let rest = Buffer.alloc(0)
let tag: Buffer | null = null
let [bodyBytes, bodySeen] = [0, 0]
socket.on('data', (data: Buffer) => {
  rest = Buffer.concat([rest, data])
  while (rest.length >= 8 && rest.length >= rest.readUInt32BE(3) + 8) {
    const end = 7 + rest.readUInt32BE(3)
    take(rest[0] as number, rest.subarray(7, end))
    rest = rest.subarray(end + 1)
  }
})

function take(kind: number, payload: Buffer): void {
  if (kind === 1) {
    const name = `${payload.readUInt16BE(0)}.${payload.readUInt16BE(2)}`
    if (name === '60.60') {
      const from = 5 + (payload[4] as number)
      tag = payload.subarray(from, from + 8)
    } else answers[name]?.(payload)
  } else if (kind === 2) bodyBytes = Number(payload.readBigUInt64BE(4))
  else if (kind === 3) bodySeen += payload.length
  if (tag !== null && kind > 1 && bodySeen === bodyBytes) {
    socket.write(method(1, 60, 80, tag, Buffer.of(0)), () => process.exit(0))
  }
}
