/**
 * Draws questions for the HPA controller, and holds our answers against its own, which answers_test.go gives:
 *
 *   node test/dev/autoscaler/kubernetes/questions.ts draw SEED COUNT >questions.json
 *   node test/dev/autoscaler/kubernetes/questions.ts compare questions.json answers.json
 *   node test/dev/autoscaler/kubernetes/questions.ts keep questions.json answers.json >answered.jsonl
 */
import { readFileSync } from 'node:fs'
import { seededRandom } from '../../../../dev/simulate/chance.ts'
import { ourAnswer, type Question, type Rules } from './question.ts'

const [, , what, one = '', other = ''] = process.argv

function draw(seed: number, count: number): readonly Question[] {
  const random = seededRandom(seed)
  const int = (least: number, most: number): number => least + Math.floor(random() * (most - least + 1))
  const pick = <T>(...from: readonly [T, ...T[]]): T => from[int(0, from.length - 1)] ?? from[0]
  const some = <T>(least: number, most: number, make: () => T): T[] => Array.from({ length: int(least, most) }, make)
  // Never at the end of a window: the controller's own clock goes on while it answers.
  const ago = (): number => int(0, 40) * 10 + pick(1.3, 4.7, 7.9)
  const rules = (): Rules => ({
    WindowSeconds: pick(0, 0, 30, 60, 300),
    SelectPolicy: pick<Rules['SelectPolicy']>('Max', 'Max', 'Min', 'Disabled'),
    Tolerance: pick('0.1', '0.1', '0', '0.05', '0.5'),
    Policies: some(1, 2, () => ({
      Type: pick<'Pods' | 'Percent'>('Pods', 'Percent'),
      Value: pick(1, 2, 4, 10, 25, 50, 100),
      PeriodSeconds: pick(15, 30, 60),
    })),
  })
  const targets = { AverageValue: [20, 7.5, 1, 100], Value: [20, 7.5, 1, 100], Utilization: [50, 80, 150] }
  return Array.from({ length: count }, () => {
    const MetricType = pick<Question['MetricType']>('AverageValue', 'AverageValue', 'Value', 'Utilization', 'UsedValue')
    const Target = pick(...((targets[MetricType as 'Value'] ?? [100, 250]) as [number, ...number[]]))
    const Replicas = int(1, 20)
    const Running = random() < 0.8 ? Replicas : int(0, 20)
    const isCpu = MetricType === 'Utilization' || MetricType === 'UsedValue'
    const pods = Array.from({ length: Running }, () => ({
      Ready: random() < 0.85,
      Used: isCpu && random() < 0.85 ? int(0, random() < 0.8 ? 300 : 60) : null,
      Requested: pick(100, 200),
    }))
    const behaves = random() < 0.7
    const load = pick(0, 0.3, 0.8, 0.95, 1.05, 1.2, 2, 10)
    return {
      ...{ MetricType, Target, Messages: Math.round(load * Target * Math.max(1, Running)) + int(0, 3) },
      Pods: MetricType === 'AverageValue' ? [] : pods,
      ...{ Replicas, Running, Min: pick(1, 1, 1, 2, 5), Max: pick(6, 10, 100) },
      ...{ ScaleUp: behaves ? rules() : null, ScaleDown: behaves ? rules() : null },
      Recommendations: [...some(0, 3, () => ({ Count: int(1, 25), SecondsAgo: ago() })), { Count: 9, SecondsAgo: 900 }],
      Changes: some(0, 3, () => ({ Count: pick(-3, -1, 1, 2, 4), SecondsAgo: ago() })),
    }
  })
}

if (what === 'draw') process.stdout.write(JSON.stringify(draw(Number(one), Number(other))))
else {
  const questions = JSON.parse(readFileSync(one, 'utf8')) as readonly Question[]
  const answers = JSON.parse(readFileSync(other, 'utf8')) as readonly number[]
  const lines = questions.map((question, index) => JSON.stringify({ ...question, Answer: answers[index] }))
  const differing = lines.filter((_, index) => ourAnswer(questions[index] as Question).replicas !== answers[index])
  process.stdout.write(`${(what === 'keep' ? lines : differing).join('\n')}\n`)
  process.stderr.write(`${questions.length} questions, ${differing.length} answered differently\n`)
}
