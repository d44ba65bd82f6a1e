import assert from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import { consumerScenario, type Outcome } from './consumer-scenario.ts'
import { Lane } from './lane.ts'
import { type Faulty, inLanes, labelOf, type Point, partOf, pointsOf } from './points.ts'
import { producerScenario } from './producer-scenario.ts'
import type { Harm } from './saboteur.ts'
import { buildVictims } from './victims.ts'

/** `all` tries every point, which takes minutes, and not the part of them that the suite has time for. */
const all = process.env.KEDAFN_FAULT_POINTS === 'all'

const victims = await buildVictims()
const lanes = await Promise.all(['a', 'b', 'c'].map((name) => Lane.open(`faults-${name}`, victims)))
after(async () => {
  for (const lane of lanes) await lane[Symbol.asyncDispose]()
  victims.dispose()
})

type Scenario = (lane: Lane, faulty: Faulty | null) => Promise<Outcome>

const scenarios: Readonly<Record<string, Scenario>> = {
  'a consumer that retries, drops and drains': consumerScenario,
  'a producer that drains': (lane, faulty) => producerScenario(lane, faulty, { how: 'drained', checkpoint: 'file' }),
  'a producer that comes to the end': (lane, faulty) =>
    producerScenario(lane, faulty, { how: 'to the end', checkpoint: 'file' }),
  'a producer with its checkpoint in the broker': (lane, faulty) =>
    producerScenario(lane, faulty, { how: 'drained', checkpoint: 'broker' }),
}

/** Batches and timers fall differently in each run, so a late occurrence may not come: then it is an early one. */
const tries = ({ call, occurrence }: Point): Point[] => [
  { call, occurrence },
  ...[1, 1, 1].map((first) => ({ call, occurrence: first })),
]

/** Harm at every point of a scenario. @returns what did not hold, a line each */
async function harmEverywhere(t: TestContext, scenario: Scenario, harm: Harm): Promise<string[]> {
  const { seen } = await scenario(lanes[0] as Lane, null)
  const points = all ? pointsOf(seen) : partOf(seen, harm)
  const failures: string[] = []
  let runs = 0
  let mostRepeats = 0
  await inLanes(lanes, points, async (lane, wanted) => {
    for (const point of tries(wanted)) {
      runs++
      try {
        const { harmed, repeats } = await scenario(lane, { harm, point })
        mostRepeats = Math.max(mostRepeats, repeats)
        if (harmed) return
      } catch (error) {
        failures.push(`${harm} at ${labelOf(point)}: ${error instanceof Error ? error.message : error}`)
        return lane.empty()
      }
    }
    failures.push(`no run came to ${labelOf(wanted)}`)
  })
  totals.enumerated += pointsOf(seen).length
  totals.tried += points.length
  totals.runs += runs
  totals.passed += points.length - failures.length
  t.diagnostic(
    `${Object.keys(seen).length} calls and ${pointsOf(seen).length} points enumerated; ${points.length} points tried in ` +
      `${runs} runs, ${points.length - failures.length} passed, at most ${mostRepeats} repeats`,
  )
  return failures
}

const totals = { enumerated: 0, tried: 0, runs: 0, passed: 0 }

for (const [name, scenario] of Object.entries(scenarios)) {
  test(`${name} loses nothing when it is killed before or after any call of a port`, async (t) => {
    assert.deepEqual(await harmEverywhere(t, scenario, 'kill'), [])
  })
  test(`${name} loses nothing when its connections are reset at any call of a port`, async (t) => {
    assert.deepEqual(await harmEverywhere(t, scenario, 'reset'), [])
  })
  test(`${name} loses nothing when it is cut off at any call of a port, and dies soon after`, async (t) => {
    assert.deepEqual(await harmEverywhere(t, scenario, 'cut off'), [])
  })
}

test('points were tried, and all of them passed', (t) => {
  const { enumerated, tried, runs, passed } = totals
  t.diagnostic(`in total ${enumerated} points enumerated; ${tried} tried in ${runs} runs, ${passed} passed`)
  assert.ok(tried > 0)
  assert.equal(passed, tried)
})
