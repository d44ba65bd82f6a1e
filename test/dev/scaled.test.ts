import assert from 'node:assert/strict'
import { test } from 'node:test'
import { slowRepository } from './slow-repository.ts'
import { noneLeft } from './started.ts'

const linesOf = (text: string): readonly string[] => text.split('\n').slice(0, -1).sort()

test('a backlog makes processes, and its end lets them go: 0, several, 0, and each line comes out once', async (t) => {
  const { repository, start } = await slowRepository(t)
  const input = Array.from({ length: 300 }, (_, i) => `line ${i}\n`).join('')
  repository.write('input.txt', input)
  const started = start(['--fast', '10', '--no-page'])
  await started.printed(/^scaling goes 10 times as fast as in a cluster/m)
  await started.printed(/^log-consumer: \d -> [2-9], \d+ messages \/ 20 per replica/m)
  await started.printed(/[2-9] consumers/)
  await started.printed(/^log-consumer: \d+ -> 0, no trigger was active for the cooldown of 3 s/m)
  await started.printed(/ 0 consumers/)
  started.child.kill('SIGTERM')
  await started.endsWith(0)
  assert.deepEqual(linesOf(repository.read('output.txt')), linesOf(input))
  await noneLeft(t, repository)
})
