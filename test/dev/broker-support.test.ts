import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { connect } from 'amqplib'
import { openVhost, testBroker, Vhost } from '../support/broker.ts'

const poll = { interval: 20, timeout: 20_000 }

async function open(t: TestContext, url: string, name: string) {
  const connection = await connect(url, { clientProperties: { connection_name: name }, noDelay: true })
  connection.on('error', () => {})
  t.after(() => connection.close().catch(() => {}))
  return connection
}

test('each vhost is a new one, and is gone after its file', async () => {
  const one = await openVhost('support')
  const two = await openVhost('support')
  assert.notEqual(one.vhost, two.vhost)
  const connection = await connect(one.url)
  const channel = await connection.createChannel()
  await channel.assertQueue('here', { arguments: { 'x-queue-type': 'quorum' } })
  await connection.close()
  assert.equal((await one.queue('here'))?.name, 'here')
  assert.equal(await two.queue('here'), null)
  await one.dispose()
  await two.dispose()
  await assert.rejects(connect(one.url))
  assert.deepEqual(await one.connections(), [])
})

test('connections of a vhost are closed by the name that the client gave them', async (t) => {
  await using vhost = await openVhost('support')
  await using other = await openVhost('support')
  const [kept, closed] = [await open(t, vhost.url, 'the kept one'), await open(t, vhost.url, 'the closed one')]
  const foreign = await open(t, other.url, 'the closed one')
  await t.waitFor(async () => assert.equal((await vhost.connections()).length, 2), poll)
  const gone = once(closed, 'close')
  assert.equal(await vhost.closeConnections(/closed/), 1)
  await gone
  await t.waitFor(async () => assert.equal((await vhost.connections()).length, 1), poll)
  await kept.createChannel()
  await foreign.createChannel()
})

test('what the management refuses is an error that says what was asked', async () => {
  const { url, managementUrl } = testBroker()
  const wrong = new URL(managementUrl)
  wrong.password = 'wrong'
  await assert.rejects(new Vhost({ url, managementUrl: wrong.href }, 'any').open(), /401 to PUT vhosts\/any/)
})

const support = fileURLToPath(new URL('../support/broker.ts', import.meta.url))

for (const [title, env, message] of [
  ['a test file that was not started by the runner says how to start it', {}, /npm test -- .*node test\/run\.ts/],
  [
    'with AMQP_URL alone it is said what else is needed',
    { KEDAFN_TEST_AMQP_URL: 'amqp://there' },
    /set KEDAFN_TEST_MANAGEMENT_URL/,
  ],
] as const) {
  test(title, () => {
    const script = `import { testBroker } from ${JSON.stringify(support)}; testBroker()`
    const { stderr, status } = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', script], {
      env,
      encoding: 'utf8',
    })
    assert.notEqual(status, 0)
    assert.match(stderr, message)
  })
}
