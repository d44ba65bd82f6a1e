/** Each misconfiguration that only a broker is needed for, on a broker that may be broken. */
import assert from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib'
import { declare } from '../../cli/broker/declarations.ts'
import type { Diagnosis } from '../../cli/doctor/finding.ts'
import { openVhost, ownBroker, type Vhost } from '../support/broker.ts'
import { examine, named, scopeOf, wantedHere } from './support/doctor.ts'

const broker = await ownBroker()
after(broker.dispose)
const wanted = await wantedHere()
const poll = { interval: 250, timeout: 30_000 }

class Line {
  readonly vhost: Vhost
  readonly connection: ChannelModel

  constructor(vhost: Vhost, connection: ChannelModel) {
    this.vhost = vhost
    this.connection = connection
  }

  /** A vhost with all that the functions want, counted by the management. */
  static async healthy(t: TestContext): Promise<Line> {
    const line = await Line.empty(t)
    await declare(line.connection, wanted)
    await line.counted(t, 'logs')
    return line
  }

  static async empty(t: TestContext): Promise<Line> {
    const vhost = await openVhost('doctor', broker)
    const connection = await connect(vhost.url, { noDelay: true })
    connection.on('error', () => {})
    t.after(async () => {
      await connection.close().catch(() => {})
      await vhost.dispose()
    })
    return new Line(vhost, connection)
  }

  get scope() {
    return scopeOf({ AMQP_URL: this.vhost.url, KEDAFN_MANAGEMENT_URL: this.vhost.managementUrl })
  }

  counted(t: TestContext, queue: string): Promise<void> {
    return t.waitFor(async () => assert.notEqual((await this.vhost.queue(queue))?.messages, undefined), poll)
  }

  async with(work: (channel: ConfirmChannel) => Promise<unknown>): Promise<void> {
    const channel = await this.connection.createConfirmChannel()
    await work(channel)
    await channel.close()
  }

  publish(queue: string, headers: Record<string, unknown> = {}): Promise<void> {
    return this.with(async (channel) => {
      channel.sendToQueue(queue, Buffer.from('a line'), { persistent: true, headers })
      await channel.waitForConfirms()
    })
  }

  /** Types the command that a finding gives. */
  async follow(command = ''): Promise<void> {
    const [program, ...args] = command.replace(/ {3}#.*/, '').split(' ')
    assert.equal(program, 'rabbitmqctl')
    await broker.ctl(...args.map((one) => one.replaceAll("'", '')))
  }

  /** Fails unless exactly this is found. */
  async finds(expected: readonly string[]): Promise<readonly Diagnosis[]> {
    const found = await examine(this.scope)
    assert.deepEqual(named(found), expected)
    return found.filter(({ severity }) => severity !== 'note')
  }
}

test('on a healthy line nothing is found, time after time', async (t) => {
  const line = await Line.healthy(t)
  const runs = Number(process.env.KEDAFN_DOCTOR_RUNS ?? 3)
  for (let run = 0; run < runs; run++) await line.finds([])
})

test('a queue that is missing: made by the command that is said', async (t) => {
  const line = await Line.empty(t)
  const [finding] = await line.finds(['queue-missing: queue logs'])
  assert.deepEqual(finding?.mend, ['npx kedafn topology apply'])
  await declare(line.connection, wanted)
  await line.counted(t, 'logs')
  await line.finds([])
})

test('a vhost that does not exist, and one that is encoded twice', async (t) => {
  const line = await Line.healthy(t)
  const missing = scopeOf({ ...line.scope.env, AMQP_VHOST: 'nowhere' })
  assert.deepEqual(named(await examine(missing)), ["vhost-refused: vhost 'nowhere'"])
  const odd = await openVhost('a/b', broker)
  t.after(odd.dispose)
  const twice = new URL(odd.url)
  twice.pathname = `/${encodeURIComponent(encodeURIComponent(odd.vhost))}`
  const [finding] = await examine(scopeOf({ AMQP_URL: twice.href, KEDAFN_MANAGEMENT_URL: broker.managementUrl }))
  assert.equal(finding?.check, 'vhost-refused')
  assert.match(finding?.evidence.join('\n') ?? '', /percent-encoded once too often: decoded it is 'kedafn-test-a\/b-/)
  assert.deepEqual(finding?.mend, [`export AMQP_VHOST=${odd.vhost}   # as it is`])
})

test('a password that is not percent-encoded, and one that is wrong', async () => {
  const { host } = new URL(broker.url)
  const [unusable] = await examine(scopeOf({ AMQP_URL: `amqp://guest:se#cret@${host}` }))
  assert.equal(unusable?.check, 'address-unusable')
  assert.doesNotMatch(JSON.stringify(unusable), /cret/)
  const env = {
    AMQP_URL: `amqp://guest:wrong@${host}`,
    KEDAFN_MANAGEMENT_URL: broker.managementUrl.replace('guest@', 'wrong@'),
  }
  assert.deepEqual(named(await examine(scopeOf(env))), [`login-refused: broker ${host}`])
})

test('a broker that does not answer', async () => {
  const [finding] = await examine(scopeOf({ AMQP_URL: 'amqp://127.0.0.1:1' }))
  assert.deepEqual([finding?.check, finding?.severity], ['broker-away', 'error'])
})

test('a management that does not answer is a note: what only it knows was not looked at', async (t) => {
  const line = await Line.healthy(t)
  const found = await examine(scopeOf({ AMQP_URL: line.vhost.url, KEDAFN_MANAGEMENT_URL: 'http://127.0.0.1:1' }))
  assert.deepEqual(
    found.map(({ check, severity }) => [check, severity]).filter(([check]) => check === 'management-away'),
    [['management-away', 'note']],
  )
  assert.deepEqual(named(found), [])
})

test('messages that nobody consumes are found at the second look, unless somebody came', async (t) => {
  const line = await Line.healthy(t)
  await line.publish('logs')
  const [finding] = await line.finds(['no-consumers: queue logs'])
  assert.match(finding?.what ?? '', /1 messages wait and nobody consumes/)
  const found = await examine(line.scope, () =>
    line.connection
      .createChannel()
      .then((channel) => channel.consume('logs', (message) => message && channel.ack(message))),
  )
  assert.deepEqual(named(found), [])
})

test('dead letters are a warning while they are the same, and an error once they grow', async (t) => {
  const line = await Line.healthy(t)
  await line.publish('logs.dead', { 'kedafn-code': 'FN_HANDLER_FAILED' })
  await t.waitFor(async () => {
    const [finding] = await line.finds(['dead-letters: queue logs.dead'])
    assert.equal(finding?.severity, 'warning')
    assert.deepEqual(finding?.evidence, ['FN_HANDLER_FAILED: 1 of the first 1'])
  }, poll)
  // Something that may pass makes it look twice.
  await line.publish('logs')
  const found = await examine(line.scope, () => line.publish('logs.dead'))
  const dead = found.find(({ check }) => check === 'dead-letters')
  assert.equal(dead?.severity, 'error')
  assert.equal(dead?.evidence[0], '1 more since the first look')
})

test('a message at its delivery limit, given up by the broker itself', async (t) => {
  const line = await Line.healthy(t)
  await line.publish('logs')
  await line.with(async (channel) => {
    for (let message = await channel.get('logs'); message; message = await channel.get('logs'))
      channel.reject(message, true)
  })
  await t.waitFor(async () => {
    const found = await line.finds(
      ['delivery-limit: queue logs.dead', 'dead-letters: queue logs.dead'].sort().reverse(),
    )
    assert.match(
      found.find(({ check }) => check === 'delivery-limit')?.evidence[0] ?? '',
      /x-death reason delivery_limit/,
    )
  }, poll)
})

test('an alarm of the broker', async (t) => {
  const line = await Line.healthy(t)
  await broker.ctl('set_vm_memory_high_watermark', 'absolute', '1MB')
  try {
    await t.waitFor(() => line.finds(['broker-alarm: node kedafn@localhost']), poll)
  } finally {
    await broker.ctl('set_vm_memory_high_watermark', '0.4')
  }
  await t.waitFor(() => line.finds([]), poll)
})

test('a login without the permissions of its function: the command that is said gives them', async (t) => {
  const line = await Line.healthy(t)
  const user = `doctor-${process.pid}`
  await broker.ctl('add_user', user, 'secret')
  t.after(() => broker.ctl('delete_user', user))
  await broker.ctl('set_permissions', '-p', line.vhost.vhost, user, '^$', '^$', '^logs$')
  const url = new URL(line.vhost.url)
  Object.assign(url, { username: user, password: 'secret' })
  const scope = scopeOf({ AMQP_URL: url.href, KEDAFN_MANAGEMENT_URL: line.vhost.managementUrl })
  const found = await examine(scope)
  assert.deepEqual(named(found), [`permission-missing: user ${user}`, `permission-missing: user ${user}`])
  assert.deepEqual(found.find(({ what }) => /log-consumer/.test(what))?.evidence, [
    "may not: write on 'amq.default': its pattern is ^$",
  ])
  await broker.ctl(
    'set_permissions',
    '-p',
    line.vhost.vhost,
    user,
    '^logs\\.lock\\..*$',
    '^(logs|amq\\.default)$',
    '^logs$',
  )
  assert.deepEqual(named(await examine(scope)), [])
})

test('other arguments, a missing binding and a missing exchange', async (t) => {
  const line = await Line.empty(t)
  await line.with((channel) => channel.assertQueue('logs', { durable: true, arguments: { 'x-queue-type': 'quorum' } }))
  await line.counted(t, 'logs')
  const found = await examine(line.scope)
  const differs = found.find(({ check }) => check === 'topology-differs')
  assert.equal(differs?.subject, "queue 'logs'")
  assert.ok(differs?.evidence.includes('x-delivery-limit is not set, expected 1000'))
  assert.equal(differs?.mend[1], `rabbitmqctl -p ${line.vhost.vhost} delete_queue logs`)
  assert.ok(named(found).includes("topology-missing: exchange 'logs'"))
  assert.ok(named(found).includes("topology-missing: binding of queue 'logs' to exchange 'logs'"))
  await line.follow(differs?.mend[1])
  await declare(line.connection, wanted)
  await line.counted(t, 'logs')
  await line.finds([])
})

test('retry queues that no function uses any more, and one whose queue is gone', async (t) => {
  const line = await Line.healthy(t)
  const retry = (queue: string) => ({
    durable: true,
    arguments: {
      'x-queue-type': 'quorum',
      'x-message-ttl': 500_000,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': queue,
    },
  })
  await line.with((channel) => channel.assertQueue('logs.retry.500000', retry('logs')))
  const [finding] = await line.finds(['retry-orphans: queue logs.retry.500000'])
  await line.follow(finding?.mend[1])
  await line.with((channel) => channel.assertQueue('gone.retry.500000', retry('gone')))
  await line.publish('gone.retry.500000')
  await t.waitFor(async () => {
    const [orphan] = await line.finds(['retry-orphans: queue gone.retry.500000'])
    assert.equal(orphan?.severity, 'error')
  }, poll)
})

test('a queue whose dead letters have nowhere to go', async (t) => {
  const line = await Line.healthy(t)
  await line.with((channel) =>
    channel.assertQueue('other', {
      durable: true,
      arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'nowhere' },
    }),
  )
  await line.finds(['dead-letter-target-missing: queue other'])
})

test('a quorum queue without a leader', async (t) => {
  const line = await Line.healthy(t)
  const stop = `[ra:stop_server(quorum_queues, {Name, node()}) || {Name, _} <- [amqqueue:get_pid(Q) || Q <- rabbit_amqqueue:list(<<"${line.vhost.vhost}">>), amqqueue:get_name(Q) =:= rabbit_misc:r(<<"${line.vhost.vhost}">>, queue, <<"logs">>)]].`
  await broker.ctl('eval', stop)
  await t.waitFor(async () => {
    const found = named(await examine(line.scope))
    assert.ok(found.includes('queue-no-leader: queue logs'), found.join('; '))
  }, poll)
})

test('statistics that are off', async (t) => {
  const line = await Line.healthy(t)
  const set = (value: boolean) =>
    broker.ctl('eval', `application:set_env(rabbitmq_management_agent, disable_metrics_collector, ${value}).`)
  await set(true)
  try {
    const found = named(await examine(line.scope))
    assert.ok(
      found.some((one) => one.startsWith('stats-disabled: ')),
      found.join('; '),
    )
  } finally {
    await set(false)
  }
})

test('a clock that differs from the one of the broker', async (t) => {
  const line = await Line.healthy(t)
  const { host } = new URL(broker.url)
  const late = { ...line.scope, now: () => Date.now() - 300_000 }
  const found = await examine(late)
  assert.deepEqual(named(found), [`clock-skew: broker ${host}`])
  assert.match(found.find(({ check }) => check === 'clock-skew')?.what ?? '', /differ by (299|300|301) s/)
})

test('a RabbitMQ of a series that gets no fixes is a note', async (t) => {
  const line = await Line.healthy(t)
  const notes = (await examine(line.scope)).filter(({ severity }) => severity === 'note').map(({ check }) => check)
  const old = /server (3|4\.[01])\./.test(broker.broker.description)
  assert.deepEqual(
    notes.filter((check) => check === 'rabbitmq-old'),
    old ? ['rabbitmq-old'] : [],
  )
})
