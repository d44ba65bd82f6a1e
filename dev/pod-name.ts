import { randomInt } from 'node:crypto'

/** n.b. Kubernetes leaves out what can be misread or make a word: `rand.SafeEncodeString`. */
const letters = 'bcdfghjklmnpqrstvwxz2456789'

const some = (length: number): string => Array.from({ length }, () => letters[randomInt(letters.length)]).join('')

/** Names such as a ReplicaSet gives to its pods: `log-consumer-7f9c-x2k4q`, with one set's part for all of a run. */
export function podNames(name: string): () => string {
  const set = some(4)
  return () => `${name}-${set}-${some(5)}`
}

/** True for the name of a pod of this function, of whatever run. */
export const isPodOf = (name: string, pod: string): boolean =>
  pod.startsWith(`${name}-`) && new RegExp(`^[${letters}]{4}-[${letters}]{5}$`).test(pod.slice(name.length + 1))
