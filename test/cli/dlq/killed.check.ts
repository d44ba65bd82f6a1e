import { after, test } from 'node:test'
import { openVhost } from '../../support/broker.ts'
import { killedRedrives } from './killed.ts'

const seed = Number(process.env.KEDAFN_SEED ?? 1)

for (const runs of [1, 2]) {
  test(`100,000 dead letters are moved by ${runs === 1 ? 'a redrive' : 'two redrives at once'}, killed 50 times: none is lost, in order (seed ${seed})`, async (t) => {
    const vhost = await openVhost(`cli-dlq-killed-${runs}`)
    after(() => vhost.dispose())
    await killedRedrives(t, vhost.url, {
      messages: 100_000,
      kills: 50,
      runs,
      seed,
      pace: ['--rate', '3000'],
    })
  })
}
