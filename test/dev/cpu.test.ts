import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { type TestContext, test } from 'node:test'
import { cpuUsage, knowsCpuUsage } from '../../dev/usage.ts'
import { slowRepository } from './slow-repository.ts'
import { noneLeft } from './started.ts'

const skip = !knowsCpuUsage() && 'only Linux tells what a process uses'
const poll = { interval: 200, timeout: 60_000 }

function running(t: TestContext, script: string): ChildProcess {
  const child = spawn(process.execPath, ['-e', script], { stdio: 'ignore' })
  t.after(() => child.kill('SIGKILL'))
  return child
}

test('what a process uses is told in thousandths of a core, from its second sample on', { skip }, async (t) => {
  const [busy, idle] = [running(t, 'for (;;) {}'), running(t, 'setInterval(() => {}, 60_000)')]
  const used = cpuUsage()
  const of = ({ pid = 0 }: ChildProcess) => used(pid)
  assert.deepEqual([of(busy), of(idle)], [null, null])
  await t.waitFor(() => {
    const [most, least] = [of(busy) ?? 0, of(idle) ?? 1000]
    // A machine that is busy otherwise gives it a small part of a core.
    assert.ok(most > 20 && most <= 1100 && least < most / 2, `${most} and ${least}`)
  }, poll)
  busy.kill('SIGKILL')
  await t.waitFor(() => assert.equal(of(busy), null), poll)
})

test('a cpu trigger is told what the processes use, and scales by it where the backlog asks for less', {
  skip,
}, async (t) => {
  const { repository, start } = await slowRepository(t, { value: 100_000, msPerLine: 0 })
  const object = repository.read('keda/base/log-consumer.yaml')
  const cpu = '    - type: cpu\n      metadata:\n        value: "10"\n'
  repository.write('keda/base/log-consumer.yaml', object.replace(/maxReplicaCount: \d+/, 'maxReplicaCount: 3') + cpu)
  const path = 'functions/log-consumer/function.ts'
  const working = 'for (const until = Date.now() + 100 * batch.length; Date.now() < until; ) {}'
  repository.write(path, repository.read(path).replace(/await new Promise\(.*/, working))
  repository.write('input.txt', Array.from({ length: 200 }, (_, i) => `line ${i}\n`).join(''))
  const started = start(['--fast', '20', '--no-page'])
  await started.printed(/^log-consumer: \d -> [23], cpu at \d+ % of its target \* \d pods = \d+/m)
  await started.printed(/^log-consumer: \d -> 0, no trigger was active for the cooldown/m)
  started.child.kill('SIGTERM')
  await started.endsWith(0)
  await noneLeft(t, repository)
})
