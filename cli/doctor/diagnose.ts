import { checks } from './checks/index.ts'
import type { Facts } from './facts.ts'
import { type Diagnosis, severities } from './finding.ts'

/** All that is wrong with the facts of one look, what is worst first. */
function lookAt(facts: Facts): readonly Diagnosis[] {
  const found = checks.flatMap((check) => check.find(facts).map((finding) => ({ check: check.id, ...finding })))
  return severities.flatMap((severity) => found.filter((one) => one.severity === severity))
}

const passing = new Set(checks.filter((check) => check.passing).map(({ id }) => id))

/**
 * What is wrong.
 * @param facts the first look
 * @param again waits and takes a second look; it is asked for only if something was found that may pass
 */
export async function diagnose(facts: Facts, again: () => Promise<Facts>): Promise<readonly Diagnosis[]> {
  const first = lookAt(facts)
  const suspects = new Set(first.filter(({ check }) => passing.has(check)).map(keyOf))
  if (suspects.size === 0) return first
  return lookAt({ ...(await again()), before: facts }).filter(
    (one) => !passing.has(one.check) || suspects.has(keyOf(one)),
  )
}

const keyOf = ({ check, subject }: Diagnosis): string => `${check}\n${subject}`
