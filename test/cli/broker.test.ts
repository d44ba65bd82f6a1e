import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { withBroker } from '../../cli/broker/connection.ts'
import { management } from '../../cli/broker/management.ts'
import { brokerVariables, managementVariables, reachOf, vhostOf } from '../../cli/broker/reach.ts'
import { CommandError } from '../../cli/command.ts'
import { takeLock } from '../../dev/lock.ts'
import { announceBroker, runningBroker } from '../../dev/running.ts'
import { openVhost } from '../support/broker.ts'
import { TestIo } from './support/io.ts'

const vhost = await openVhost('cli-broker')
after(() => vhost.dispose())

const worldOf = (env: Record<string, string>): TestIo => new TestIo({ env })
const here = worldOf({ AMQP_URL: vhost.url, KEDAFN_MANAGEMENT_URL: vhost.managementUrl })

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'kedafn-cli-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

test('what a command may read of the broker is what the functions read, and where the management is', () => {
  const names = [...brokerVariables, ...managementVariables].map(({ name }) => name)
  for (const name of ['AMQP_URL', 'AMQP_URL_FILE', 'AMQP_PASSWORD_FILE', 'AMQP_CA_FILE', 'KEDAFN_MANAGEMENT_URL']) {
    assert.ok(names.includes(name), name)
  }
  assert.equal(new Set(names).size, names.length)
})

test('addresses, login and vhost come from variables and files, as for functions', (t) => {
  const password = join(folder(t), 'password')
  writeFileSync(password, 'p@ss/word\n')
  const { config, by, managementUrls } = reachOf(
    worldOf({
      AMQP_URL: 'amqp://one:5672,amqp://[::1]:5700',
      AMQP_USERNAME: 'user',
      AMQP_PASSWORD_FILE: password,
      AMQP_VHOST: 'a/b',
    }),
  )
  assert.equal(by, 'AMQP_URL')
  assert.deepEqual(
    config.addresses.map(({ hostname, port, username, password: word, vhost: of }) => [
      hostname,
      port,
      username,
      word,
      of,
    ]),
    [
      ['one', 5672, 'user', 'p@ss/word', 'a/b'],
      ['::1', 5700, 'user', 'p@ss/word', 'a/b'],
    ],
  )
  assert.deepEqual(managementUrls, ['http://user:p%40ss%2Fword@one:15672', 'http://user:p%40ss%2Fword@[::1]:15700'])
})

test('the management is where a variable says, with the login of the broker if it has none', (t) => {
  const file = join(folder(t), 'url')
  writeFileSync(file, 'https://m:n@manage:443/prefix\n')
  const AMQP_URL = 'amqps://a:b@one'
  const urls = (env: Record<string, string>) => reachOf(worldOf({ AMQP_URL, ...env })).managementUrls
  assert.deepEqual(urls({}), ['https://a:b@one:15671'])
  assert.deepEqual(urls({ KEDAFN_MANAGEMENT_URL: 'http://manage:1' }), ['http://a:b@manage:1/'])
  assert.deepEqual(urls({ KEDAFN_MANAGEMENT_URL_FILE: file }), ['https://m:n@manage/prefix'])
  assert.deepEqual(urls({ RABBITMQ_MANAGEMENT_URL: 'http://x:y@manage:1' }), ['http://x:y@manage:1/'])
  assert.throws(
    () => urls({ KEDAFN_MANAGEMENT_URL: 'manage:secret@1' }),
    (error: Error) => {
      assert.match(error.message, /^KEDAFN_MANAGEMENT_URL is .*; expected http:\/\/user:password@host:port/)
      return !error.message.includes('secret')
    },
  )
})

test('a variable that cannot be used is refused with its name, and without its secret', () => {
  assert.throws(
    () => reachOf(worldOf({ AMQP_URL: 'amqp://u:se#cret@host' })),
    (error: Error) => {
      assert.match(error.message, /AMQP_URL is .*expected amqp:/)
      return !error.message.includes('cret@')
    },
  )
})

test('a running npm start leaves word of its broker, which is gone or without worth when it is not', (t) => {
  const root = folder(t)
  assert.equal(runningBroker(root), null)
  const state = join(root, '.kedafn', 'state', 'default')
  mkdirSync(state, { recursive: true })
  const broker = { url: 'amqp://guest:guest@127.0.0.1:1/v', managementUrl: 'http://127.0.0.1:2' }
  const withdraw = announceBroker(state, broker)
  assert.equal(statSync(join(state, 'broker.json')).mode & 0o777, 0o600)
  assert.equal(runningBroker(root), null, 'nobody holds the lock: its process died')
  const unlock = takeLock(state)
  assert.deepEqual(runningBroker(root), broker)
  withdraw()
  assert.equal(runningBroker(root), null)
  unlock()
})

test('a connection is closed when its work is done, and when it fails', async (t) => {
  const names = async () => (await vhost.connections()).map(({ user_provided_name: name }) => name)
  const open = await withBroker(here, 'kedafn try', async ({ reach, address }) => {
    assert.equal(vhostOf(reach), vhost.vhost)
    assert.equal(address.vhost, vhost.vhost)
    await t.waitFor(async () => assert.ok((await names()).includes('kedafn try')), { interval: 200, timeout: 30_000 })
    return true
  })
  assert.ok(open)
  await assert.rejects(
    withBroker(here, 'kedafn try', async () => {
      throw new Error('in the middle')
    }),
    /in the middle/,
  )
  await t.waitFor(async () => assert.deepEqual(await names(), []), { interval: 200, timeout: 30_000 })
})

test('the next address is tried if one does not answer', async () => {
  const { port } = new URL(vhost.url)
  const AMQP_URL = `amqp://guest:guest@127.0.0.1:1/x,${vhost.url}`
  const answered = await withBroker(worldOf({ AMQP_URL }), 'kedafn try', async ({ address }) => address.port)
  assert.equal(answered, Number(port))
})

test('what is missing or refused is said with what to do', async () => {
  await assert.rejects(
    withBroker(here, 'kedafn try', async ({ connection }) => {
      const channel = await connection.createChannel()
      channel.on('error', () => {})
      await channel.checkQueue('absent')
    }),
    (error) => error instanceof CommandError && /^there is no queue 'absent' \(guest at /.test(error.message),
  )
  const refused = new URL(vhost.url)
  refused.password = 'wrong'
  const login = withBroker(worldOf({ AMQP_URL: refused.href }), 'kedafn try', async () => {})
  await assert.rejects(login, { code: 'FN_LOGIN_REFUSED' })
  const elsewhere = new URL(vhost.url)
  elsewhere.pathname = '/absent-vhost'
  await assert.rejects(
    withBroker(worldOf({ AMQP_URL: elsewhere.href }), 'kedafn try', async () => {}),
    {
      code: 'FN_VHOST_REFUSED',
    },
  )
})

test('the management is asked in the vhost of the broker; what is absent is null, and what is refused says so', async () => {
  const asked = await management(here)
  assert.equal(asked.vhost, encodeURIComponent(vhost.vhost))
  assert.equal(await asked.get(`queues/${asked.vhost}/absent`), null)
  await asked.send('PUT', `queues/${asked.vhost}/made`, { durable: true })
  const queue = await asked.get<{ name: string }>(`queues/${asked.vhost}/made`)
  assert.equal(queue?.name, 'made')
  await assert.rejects(asked.send('PUT', `queues/${asked.vhost}/made`, { durable: false }), /answered 400 to queues/)
  const login = new URL(vhost.managementUrl)
  login.password = 'wrong'
  const wrong = worldOf({ AMQP_URL: vhost.url, KEDAFN_MANAGEMENT_URL: login.href })
  await assert.rejects(management(wrong), /does not answer: http:\/\/guest:\*\*\*@.* refuses user or password/)
  const away = worldOf({ AMQP_URL: 'amqp://127.0.0.1:1' })
  await assert.rejects(management(away), (error) => {
    return (
      error instanceof CommandError && /ECONNREFUSED/.test(error.message) && /rabbitmq-plugins/.test(error.advice ?? '')
    )
  })
})
