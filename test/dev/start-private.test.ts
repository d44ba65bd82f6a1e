import assert from 'node:assert/strict'
import { appendFileSync, rmSync } from 'node:fs'
import { test } from 'node:test'
import { findServer } from '../../dev/broker/server-search.ts'
import { copyRepository } from '../tooling/repository.ts'
import { holds, noneLeft, Started } from './started.ts'

/** Where the tests' broker comes from elsewhere, this machine need not have a server to start one from. */
const skip = findServer(process.env) === null && 'there is no rabbitmq-server on this machine'

test('a private broker lives as long as we do, is started again when it dies, and keeps pipelines apart', {
  skip,
}, async (t) => {
  const repository = copyRepository(t)
  const pid = () => Number(repository.read('.kedafn/broker/pid'))
  const handler = repository.read('functions/log-consumer/function.ts')
  const holding = handler.replace(
    /handle: .*/,
    `handle: (batch, _ctx, output) => {
      const lines = batch.map(({ body }) => body)
      return lines.includes('held') ? new Promise<void>(() => {}) : output.append(lines)
    },`,
  )
  repository.write('functions/log-consumer/function.ts', holding)

  const interactive = new Started(t, repository, { env: { KEDAFN_GRACE_MS: '1000' } })
  await interactive.printed(
    /^broker rabbitmq-server .*private, 127\.0\.0\.1:\d+, functions log-consumer log-producer$/m,
  )
  await interactive.printed(/written 3 /)
  // n.b. SIGKILL in the second after its very first stream was made breaks that stream for good on RabbitMQ 3.10.
  process.kill(pid(), 'SIGTERM')
  await interactive.warned(/^the broker ended; starting it again$/m)
  appendFileSync(repository.path('input.txt'), 'after its end\n')
  await holds(t, repository, 'output.txt', repository.read('input.txt'))
  appendFileSync(repository.path('input.txt'), 'held\n')
  await interactive.printed(/1 unacked {2}sent 5/)
  interactive.child.kill('SIGINT')
  await interactive.endsWith(1)
  assert.match(interactive.out, /^left +1 message in queue logs; the next run goes on with them$/m)
  assert.throws(() => process.kill(pid(), 0), { code: 'ESRCH' }, 'the broker outlived us')

  repository.write('functions/log-consumer/function.ts', handler)
  repository.write('other.in', 'other\n')
  await new Started(t, repository, { args: ['--once', '--input', 'other.in', '--output', 'other.out'] }).endsWith(0)
  assert.equal(repository.read('other.out'), 'other\n', 'what another pipeline left got into this output')
  rmSync(repository.path('output.txt'))
  await new Started(t, repository, { args: ['--once'] }).endsWith(0)
  assert.equal(
    repository.read('output.txt'),
    repository.read('input.txt'),
    'a run that begins anew begins with empty queues',
  )
  await noneLeft(t, repository)
})
