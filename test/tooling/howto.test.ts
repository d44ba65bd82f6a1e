import assert from 'node:assert/strict'
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connect } from 'amqplib'
import { topologyOf } from '../../runtime/core/topology.ts'
import { typeSteps } from '../e2e/support/guide.ts'
import { openVhost } from '../support/broker.ts'
import { copyRepository } from './repository.ts'

const packageRoot = join(import.meta.dirname, '..', '..')

/** Makes the queue `logs` and all that belongs to it. */
async function makeLogs(url: string): Promise<void> {
  const connection = await connect(url, { noDelay: true })
  const channel = await connection.createChannel()
  for (const declaration of topologyOf('logs', 'logs')) {
    if (declaration.kind === 'exchange') await channel.assertExchange(declaration.name, declaration.type)
    else if (declaration.kind === 'binding') await channel.bindQueue(declaration.queue, declaration.exchange, '')
    else await channel.assertQueue(declaration.name, { arguments: { ...declaration.arguments } })
  }
  await connection.close()
}

/** Types what a page says into a copy of the repository: its files first, then its commands. @returns what each step printed */
async function follow(t: TestContext, name: string): Promise<{ outputs: string[]; read(path: string): string }> {
  const page = readFileSync(join(packageRoot, 'docs', 'howto', `${name}.md`), 'utf8')
  const vhost = await openVhost(`howto-${name}`)
  t.after(vhost.dispose)
  await makeLogs(vhost.url)
  const repository = copyRepository(t)
  for (const entry of ['cli', 'manifests', 'keda', 'biome.json', 'tsconfig.json']) {
    cpSync(join(packageRoot, entry), repository.path(entry), { recursive: true })
  }
  for (const [, path = '', code = ''] of page.matchAll(/^```ts\n\/\/ (functions\/\S+)\n(.*?)^```$/gms)) {
    repository.write(path, code)
  }
  const outputs = await typeSteps(page, repository.root, repository.root, {
    AMQP_URL: vhost.url,
    RABBITMQ_MANAGEMENT_URL: vhost.managementUrl,
    BROKER_ONE: 'amqp://127.0.0.1:1',
    BROKER_TWO: vhost.url,
  })
  return { outputs, read: repository.read }
}

test('docs/howto/ordered-processing.md: the lines of each key come in their order', async (t) => {
  const { outputs } = await follow(t, 'ordered-processing')
  assert.match(outputs.join(''), /ann 1\nann 2\nann 3\n$/)
})

test('docs/howto/large-messages.md: a line that is too long is dead in parts, and those around it pass', async (t) => {
  const { outputs, read } = await follow(t, 'large-messages')
  assert.match(outputs.join(''), /something is dead, so the exit code is 1\nbefore\nafter\n/)
  assert.match(outputs.join(''), /kedafn-code: FN_LINE_TOO_LONG/)
  assert.equal(read('output.txt'), 'before\nafter\n')
})

test('docs/howto/long-jobs.md: grace period and cooldown follow from timeoutMs', async (t) => {
  const { outputs } = await follow(t, 'long-jobs')
  assert.match(outputs.join(''), /value: "1205000"/)
  assert.match(outputs.join(''), /terminationGracePeriodSeconds: 1210/)
  assert.match(outputs.join(''), /cooldownPeriod: /)
})

test('docs/howto/several-brokers.md: the next address is tried, and a command goes where its environment points', async (t) => {
  const { outputs } = await follow(t, 'several-brokers')
  assert.match(outputs.join(''), /1 {2}\S+ {2}hello\n(?:.*\n)*0 {2}\S+ {2}hello\n/)
})

test('docs/howto/production-checklist.md: what can be asked of the checkout is answered', async (t) => {
  const { outputs } = await follow(t, 'production-checklist')
  assert.match(outputs.join(''), /^log-consumer +queue +logs /m)
})
