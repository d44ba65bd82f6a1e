import assert from 'node:assert/strict'
import { appendFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { accessOf, managementUrlOf, withAbsoluteFiles } from '../../dev/broker-access.ts'
import { slowRepository } from './slow-repository.ts'
import { holds, noneLeft, Started } from './started.ts'

const access = accessOf({ AMQP_URL: 'amqp://one/there,amqp://two/there', AMQP_USERNAME: 'm/e', AMQP_PASSWORD: 's:t' })

test('functions get the variables of the broker as they are, with files where the person is', () => {
  const env = { PATH: '/bin', AMQP_CA_FILE: 'ca.pem', AMQP_KEY_FILE: '', AMQP_URL: 'amqps://there', TOKEN_FILE: 't' }
  const absolute = withAbsoluteFiles(env, '/home/me')
  assert.deepEqual(absolute, { ...env, AMQP_CA_FILE: '/home/me/ca.pem' })
  assert.equal(access.vhost, 'there')
  assert.deepEqual(Object.keys(access.env), ['AMQP_URL', 'AMQP_USERNAME', 'AMQP_PASSWORD'])
})

test('a management without a login of its own gets the broker’s', () => {
  const url = (given: string) => managementUrlOf({ RABBITMQ_MANAGEMENT_URL: given }, access)
  assert.equal(url(''), null)
  assert.equal(url('https://one:15671'), 'https://m%2Fe:s%3At@one:15671/')
  assert.equal(url('http://you:there@one:15672'), 'http://you:there@one:15672/')
})

test('a management that is no address is refused by name, without its password', () => {
  for (const given of ['amqp://me:secret@one', 'me:secret@one:15672', 'http//me:secret@one']) {
    assert.throws(() => managementUrlOf({ RABBITMQ_MANAGEMENT_URL: given }, access), {
      name: 'UsageError',
      message: /^RABBITMQ_MANAGEMENT_URL is (?!.*secret).*; expected http:\/\//,
    })
  }
})

test('npm start takes several addresses, user and password from elsewhere, and scales by a management without a login', async (t) => {
  const { repository, vhost } = await slowRepository(t, { msPerLine: 1 })
  const { host, username, password, pathname } = new URL(vhost.url)
  writeFileSync(repository.path('password'), `${decodeURIComponent(password)}\n`)
  const management = new URL(vhost.managementUrl)
  management.username = ''
  management.password = ''
  repository.write('input.txt', '')
  const started = new Started(t, repository, {
    url: `amqp://127.0.0.1:1${pathname},amqp://${host}${pathname}`,
    args: ['--no-page', '--fast', '20'],
    env: {
      AMQP_USERNAME: decodeURIComponent(username),
      AMQP_PASSWORD_FILE: 'password',
      RABBITMQ_MANAGEMENT_URL: management.href,
    },
  })
  // The first process declares the queue; what comes before it sleeps wakes nobody.
  await started.printed(/^log-consumer: 1 -> 0, /m)
  appendFileSync(repository.path('input.txt'), 'a\nb\n')
  await started.printed(/^log-consumer: 0 -> 1, /m)
  await holds(t, repository, 'output.txt', 'a\nb\n')
  await started.printed(/^log-consumer: 1 -> 0, no trigger was active/m)
  started.child.kill('SIGTERM')
  await started.endsWith(0)
  await noneLeft(t, repository)
})
