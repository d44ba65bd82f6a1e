import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { decide } from '../../../dev/autoscaler/decision.ts'
import { ourAnswer, type Question } from './kubernetes/question.ts'
import { fresh, objectWith, seen } from './objects.ts'
import { behaviorTables } from './tables/behavior.ts'
import { cpuTables } from './tables/cpu.ts'
import { formulaTables } from './tables/formula.ts'
import { kedaTables } from './tables/keda.ts'
import type { Vector } from './tables/vector.ts'

const tables = [...formulaTables, ...behaviorTables, ...cpuTables, ...kedaTables]

function answerTo({ turn = 'hpa', history = {}, at = 0, replicas, readings, ...vector }: Vector) {
  const object = objectWith(vector.object)
  const { running = replicas, ready = running } = vector
  return decide(turn, fresh(object, history), object, { ...seen(replicas, readings, at * 1000), running, ready })
}

for (const { rule, source, vectors } of tables) {
  test(`${vectors.length} vectors: ${rule}`, () => {
    assert.match(source, /\bkubernetes\b|\bkeda\b|HorizontalPodAutoscaler/)
    for (const [index, vector] of vectors.entries()) {
      const { replicas, reason } = answerTo(vector)
      const { expected, ...question } = vector
      const asked = `vector ${index}, ${source}\n${JSON.stringify(question)}\nanswer: ${reason}`
      assert.equal(replicas, expected, asked)
    }
  })
}

const answered = readFileSync(new URL('kubernetes/answered.jsonl', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')

test(`${answered.length} questions that the HPA controller of Kubernetes v1.35.4 answered by its own code are answered alike`, () => {
  for (const line of answered) {
    const { Answer, ...question } = JSON.parse(line) as Question & { readonly Answer: number }
    const { replicas, reason } = ourAnswer(question)
    assert.equal(replicas, Answer, `${line}\n${reason}`)
  }
})

test('there are more than 200 vectors', () => {
  assert.ok(tables.reduce((sum, { vectors }) => sum + vectors.length, 0) > 200)
})
