import { after, test } from 'node:test'
import { openVhost } from '../../support/broker.ts'
import { killedRedrives } from './killed.ts'

const vhost = await openVhost('cli-dlq-killed')
after(() => vhost.dispose())

// test/cli/dlq/killed.check.ts does it with 100,000 messages and 50 kills: npm run test:redrive.
test('two redrives at once, each killed again and again, lose no message and keep the order', (t) =>
  killedRedrives(t, vhost.url, {
    messages: 2000,
    kills: 6,
    runs: 2,
    seed: 7,
    pace: ['--rate', '500'],
  }))
