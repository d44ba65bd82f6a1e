import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BrokerHandle } from '../../dev/broker.ts'
import { type BrokerState, BrokerSwitch } from '../../dev/broker-switch.ts'

/** A broker whose ends and starts the test decides. */
function switched({ fails = false } = {}) {
  const calls: string[] = []
  const changes: BrokerState[] = []
  let end = () => {}
  let ended = new Promise<void>(() => {})
  const live = () => {
    ended = new Promise((resolve) => {
      end = resolve
    })
  }
  live()
  const broker: BrokerHandle = {
    ...{ url: '', managementUrl: '', description: '', owned: true },
    get ended() {
      return ended
    },
    async stop() {
      calls.push('stop')
    },
    async restart() {
      calls.push('restart')
      if (fails) throw new Error('no port')
      live()
    },
  }
  const keeper = new BrokerSwitch({
    broker,
    ended: () => calls.push('ended'),
    changed: (state) => changes.push(state),
  })
  return { keeper, calls, changes, end: () => end() }
}

test('a broker that ends by itself is started again, each time', async (t) => {
  const { keeper, calls, end } = switched()
  end()
  await t.waitFor(() => assert.deepEqual(calls, ['ended', 'restart']))
  await t.waitFor(() => assert.equal(keeper.state, 'running'))
  end()
  await t.waitFor(() => assert.deepEqual(calls, ['ended', 'restart', 'ended', 'restart']))
})

test('one that a person stopped stays away until it is started', async (t) => {
  const { keeper, calls, changes, end } = switched()
  await assert.rejects(keeper.start(), /^UsageError: the broker is running$/)
  await keeper.stop()
  await assert.rejects(keeper.stop(), /^UsageError: the broker is stopped$/)
  await keeper.start()
  assert.deepEqual(changes, ['stopping', 'stopped', 'starting', 'running'])
  end()
  await t.waitFor(() => assert.deepEqual(calls, ['stop', 'restart', 'ended', 'restart']))
})

test('a start that fails is told to who asked for it, and one that nobody asked for ends the run', async () => {
  const asked = switched({ fails: true })
  await asked.keeper.stop()
  await assert.rejects(asked.keeper.start(), /^Error: the broker cannot be started again: no port$/)
  assert.equal(asked.keeper.state, 'stopped')
  const alone = switched({ fails: true })
  alone.end()
  await assert.rejects(alone.keeper.failed, /^Error: no port$/)
})

test('once it is left alone, an end is the end', async (t) => {
  const { keeper, calls, end } = switched()
  keeper.end()
  end()
  await t.waitFor(() => assert.deepEqual(calls, []))
})
