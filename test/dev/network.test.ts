import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { Network } from '../../dev/network.ts'

const wait = { interval: 10, timeout: 10_000 }

/** A server that says everything again, behind a network. */
async function echo(t: TestContext) {
  const server = createServer((socket) => socket.on('error', () => {}).pipe(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const network = await Network.to(`amqp://guest:secret@127.0.0.1:${(server.address() as AddressInfo).port}/a`)
  t.after(() => {
    network.close()
    server.close()
  })
  const dial = () => {
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(network.url).port) })
    let heard = ''
    let ended = false
    socket.setEncoding('utf8').on('data', (text: string) => {
      heard += text
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      ended = true
    })
    return { socket, heard: () => heard, ended: () => ended }
  }
  return { server, network, dial }
}

test('what is sent arrives, in both directions, at the address that only its port differs from', async (t) => {
  const { network, dial } = await echo(t)
  assert.match(network.url, /^amqp:\/\/guest:secret@127\.0\.0\.1:\d+\/a$/)
  const { socket, heard, ended } = dial()
  const text = 'x'.repeat(1_000_000)
  socket.write(text)
  await t.waitFor(() => assert.equal(heard(), text), wait)
  socket.end()
  await t.waitFor(() => assert.ok(ended()), wait)
})

test('broken, it resets what is connected and what comes; afterwards it is whole', async (t) => {
  const { network, dial } = await echo(t)
  const first = dial()
  first.socket.write('a')
  await t.waitFor(() => assert.equal(first.heard(), 'a'), wait)
  const { promise: mended, resolve } = Promise.withResolvers<void>()
  network.breakFor(500, resolve)
  assert.equal(network.broken, true)
  await t.waitFor(() => assert.ok(first.ended()), wait)
  const second = dial()
  second.socket.write('b')
  await t.waitFor(() => assert.ok(second.ended()), wait)
  assert.equal(second.heard(), '')
  await mended
  assert.equal(network.broken, false)
  const third = dial()
  third.socket.write('c')
  await t.waitFor(() => assert.equal(third.heard(), 'c'), wait)
})

test('a broker that is away ends the connection', async (t) => {
  const { server, dial } = await echo(t)
  server.close()
  const { ended } = dial()
  await t.waitFor(() => assert.ok(ended()), wait)
})
