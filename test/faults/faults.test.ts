import assert from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import { consumerScenario, type Outcome } from './consumer-scenario.ts'
import { Lane } from './lane.ts'
import { type Faulty, inLanes, labelOf, type Point, partOf, pointsOf } from './points.ts'
import { producerScenario } from './producer-scenario.ts'
import { isRefusal, refusalPoints } from './refusals.ts'
import type { Harm, Refusal } from './saboteur.ts'
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

const seenOf = new Map<Scenario, Readonly<Record<string, number>>>()

/** The calls of a run without a fault. */
async function seenIn(scenario: Scenario): Promise<Readonly<Record<string, number>>> {
  const seen = seenOf.get(scenario) ?? (await scenario(lanes[0] as Lane, null)).seen
  seenOf.set(scenario, seen)
  return seen
}

const triedCalls = new Set<string>()

/** The suite has time for each call of a port once with each harm: what an earlier scenario tried is left out. */
function untried(harm: Harm, enumerated: readonly Point[], part: readonly Point[]): Point[] {
  const calls = new Set(enumerated.map(({ call }) => call))
  const points = part.filter(({ call }) => calls.has(call) && !triedCalls.has(`${harm} ${call}`))
  for (const { call } of points) triedCalls.add(`${harm} ${call}`)
  return points
}

/** Harm at every point of a scenario. @returns what did not hold, a line each */
async function harmEverywhere(t: TestContext, scenario: Scenario, harm: Harm): Promise<string[]> {
  const seen = await seenIn(scenario)
  const enumerated = isRefusal(harm) ? refusalPoints(seen) : pointsOf(seen)
  const points = all ? enumerated : untried(harm, enumerated, partOf(seen, harm))
  const failures: string[] = []
  let runs = 0
  let mostRepeats = 0
  let refusals = 0
  await inLanes(lanes, points, async (lane, wanted) => {
    for (const point of tries(wanted)) {
      runs++
      try {
        const outcome = await scenario(lane, { harm, point })
        mostRepeats = Math.max(mostRepeats, outcome.repeats)
        if (outcome.refused) refusals++
        if (outcome.harmed) return
      } catch (error) {
        failures.push(`${harm} at ${labelOf(point)}: ${error instanceof Error ? error.message : error}`)
        return lane.empty()
      }
    }
    failures.push(`no run came to ${labelOf(wanted)}`)
  })
  totals.enumerated += enumerated.length
  totals.tried += points.length
  totals.runs += runs
  totals.passed += points.length - failures.length
  t.diagnostic(
    `${Object.keys(seen).length} calls and ${enumerated.length} points enumerated; ${points.length} points tried in ` +
      `${runs} runs, ${points.length - failures.length} passed, at most ${mostRepeats} repeats` +
      (isRefusal(harm) ? `, the broker refused in ${refusals} runs` : ''),
  )
  if (isRefusal(harm)) refused[harm] += refusals
  return failures
}

/** Runs in which the broker refused something: with none, a list of refusals shows nothing. */
const refused: Record<Refusal, number> = { unroutable: 0, full: 0 }
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
  if (!name.startsWith('a producer')) continue
  test(`${name} loses nothing when the broker finds no queue for it at any call of its port`, async (t) => {
    assert.deepEqual(await harmEverywhere(t, scenario, 'unroutable'), [])
  })
  test(`${name} loses nothing when the queue refuses its lines at any call of the broker's port`, async (t) => {
    assert.deepEqual(await harmEverywhere(t, scenario, 'full'), [])
  })
}

test('points were tried, and all of them passed', (t) => {
  const { enumerated, tried, runs, passed } = totals
  t.diagnostic(`in total ${enumerated} points enumerated; ${tried} tried in ${runs} runs, ${passed} passed`)
  assert.ok(tried > 0)
  assert.equal(passed, tried)
  for (const [refusal, runs] of Object.entries(refused)) assert.ok(runs > 0, `no run met the refusal '${refusal}'`)
})
