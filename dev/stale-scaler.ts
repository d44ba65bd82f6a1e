import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { scalingOf } from '../runtime/core/scaling.ts'
import { isConsumer } from '../runtime/core/spec.ts'
import type { FunctionFacts } from '../tooling/functions.ts'
import { readScaledObjects } from './autoscaler/reader.ts'

/**
 * One line for each function whose spec says other numbers than what is rendered of it: it is scaled by the latter, and an edit
 * of the former would seem to do nothing.
 */
export function staleScalers(facts: readonly FunctionFacts[], root: string): readonly string[] {
  return facts.flatMap(({ name, spec }) => {
    const path = `keda/base/${name}.yaml`
    if (!isConsumer(spec) || !existsSync(join(root, path))) return []
    const { objects } = readScaledObjects([{ path, text: readFileSync(join(root, path), 'utf8') }])
    const object = objects.find(({ target }) => target === name)
    if (!object) return []
    const { min, max, value } = scalingOf(name, spec)
    const differences: string[] = []
    if (object.minReplicas !== min || object.maxReplicas !== max) {
      differences.push(`${object.minReplicas} to ${object.maxReplicas} replicas, not ${min} to ${max}`)
    }
    for (const trigger of object.triggers) {
      if (trigger.type !== 'rabbitmq' || trigger.value === value) continue
      differences.push(`one for ${trigger.value} messages, not for ${value}`)
    }
    if (differences.length === 0) return []
    return [
      `${name} is scaled by ${path}: ${differences.join(', ')}; npx kedafn build --manifests renders what its spec says, for the next start`,
    ]
  })
}
