import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { findServer } from '../../dev/broker/server-search.ts'
import { adviceFor, chooseBroker, type Machine, provideBroker } from '../../dev/broker.ts'

const server = { script: '/usr/lib/rabbitmq/bin/rabbitmq-server', path: '/usr/bin' }

const bare: Machine = {
  platform: 'linux',
  isRoot: false,
  isDebian: false,
  server: null,
  hasDocker: async () => false,
}

const ways: [string, Record<string, string>, Partial<Machine>, string][] = [
  ['AMQP_URL goes before all else', { AMQP_URL: 'amqp://there' }, { server, isDebian: true, isRoot: true }, 'address'],
  ['a file that holds AMQP_URL counts as it', { AMQP_URL_FILE: '/run/secrets/amqp-url' }, { server }, 'address'],
  ['an empty AMQP_URL counts as none', { AMQP_URL: '' }, { server }, 'private'],
  ['a rabbitmq-server goes before Docker', {}, { server, hasDocker: async () => true }, 'private'],
  ['on Debian as root the package is installed', {}, { isDebian: true, isRoot: true }, 'debian-package'],
  ['Debian without root takes Docker', {}, { isDebian: true, hasDocker: async () => true }, 'docker'],
  ['root elsewhere takes Docker', {}, { isRoot: true, hasDocker: async () => true }, 'docker'],
  ['with nothing there is no way', {}, {}, 'none'],
]

for (const [title, env, machine, expected] of ways) {
  test(`${title}`, async () => {
    assert.equal(await chooseBroker(env, { ...bare, ...machine }), expected)
  })
}

test('Docker is not asked while there is another way', async () => {
  const hasDocker = async () => assert.fail('it was asked')
  await chooseBroker({}, { ...bare, server, hasDocker })
  await chooseBroker({}, { ...bare, isDebian: true, isRoot: true, hasDocker })
})

test('the advice is one line that names the command of the platform', () => {
  for (const [machine, command] of [
    [{ platform: 'darwin', isDebian: false }, /brew install rabbitmq/],
    [{ platform: 'linux', isDebian: true }, /sudo apt-get install -y rabbitmq-server/],
    [{ platform: 'linux', isDebian: false }, /package manager/],
  ] as const) {
    const advice = adviceFor(machine)
    assert.match(advice, command)
    assert.match(advice, /^[^\n]*AMQP_URL=amqp:[^\n]*$/)
  }
})

const provide = (env: Record<string, string>) =>
  provideBroker({ stateDir: '/nowhere', env, say: (line) => assert.fail(line) })

test('the broker of AMQP_URL is taken as it is, and neither stopped nor started', async () => {
  const broker = await provide({ AMQP_URL: 'amqp://me:secret@[::1]:1234/there' })
  assert.equal(broker.url, 'amqp://me:secret@[::1]:1234/there')
  assert.equal(broker.managementUrl, null)
  assert.equal(broker.owned, false)
  assert.equal(broker.description, 'at [::1]:1234 (AMQP_URL)')
  await broker.stop()
  await assert.rejects(broker.restart(), /was not started here/)
})

test('every address of a list is shown, without user and password, and one that a file holds is read', async (t) => {
  const list = 'amqps://me:secret@one:1,amqps://me:secret@two'
  assert.equal((await provide({ AMQP_URL: list })).description, 'at one:1, two:5671 (AMQP_URL)')
  const path = join(folder(t), 'url')
  writeFileSync(path, `${list}\n`)
  const broker = await provide({ AMQP_URL_FILE: path })
  assert.deepEqual([broker.description, broker.url], ['at one:1, two:5671 (AMQP_URL_FILE)', list])
})

test('an AMQP_URL that is no address is refused by name, and its password is not shown', async () => {
  await assert.rejects(provide({ AMQP_URL: 'http://me:secret@there' }), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'FN_ENV_INVALID')
    assert.match(error.message, /AMQP_URL is .*expected amqp:\/\//)
    assert.doesNotMatch(error.message, /secret/)
    return true
  })
})

test('what was given up before it began does not begin', async () => {
  const signal = AbortSignal.abort(new Error('given up'))
  await assert.rejects(provideBroker({ stateDir: '/nowhere', env: {}, say: assert.fail, signal }), /given up/)
})

function folder(t: TestContext): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'kedafn-search-')))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

function script(folderPath: string): string {
  mkdirSync(folderPath, { recursive: true })
  const path = join(folderPath, 'rabbitmq-server')
  writeFileSync(path, '#!/bin/sh\n')
  chmodSync(path, 0o755)
  return path
}

test('the first rabbitmq-server of PATH is taken, a link followed to where its siblings are', (t) => {
  const base = folder(t)
  const real = script(join(base, 'opt', 'rabbitmq_server-4.3.6', 'sbin'))
  mkdirSync(join(base, 'bin'))
  symlinkSync(real, join(base, 'bin', 'rabbitmq-server'))
  script(join(base, 'later'))
  const found = findServer({ PATH: `${join(base, 'none')}:${join(base, 'bin')}:${join(base, 'later')}` })
  assert.equal(found?.script, real)
  assert.ok(found?.path.startsWith(`${join(base, 'none')}:${join(base, 'bin')}:`))
  assert.ok(found?.path.split(':').includes('/usr/bin'), 'the script needs the commands of the system')
})

test('a rabbitmq-server that cannot be executed is passed over', (t) => {
  const base = folder(t)
  chmodSync(script(join(base, 'one')), 0o644)
  mkdirSync(join(base, 'two', 'rabbitmq-server'), { recursive: true })
  const right = script(join(base, 'three'))
  const path = ['one', 'two', 'three'].map((name) => join(base, name)).join(':')
  assert.equal(findServer({ PATH: path })?.script, right)
})
