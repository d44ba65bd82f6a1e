import { basename } from 'node:path'
import { describe } from '../runtime/core/errors.ts'
import { type Comparison, compareFiles } from './compare.ts'
import type { Fleet } from './fleet.ts'
import type { Plan } from './plan.ts'
import type { RunResult } from './run.ts'
import { endsOf } from './snapshot.ts'
import * as state from './state.ts'
import type { RunFacts } from './summary.ts'

/** What the summary is made of. */
export async function factsOf(
  once: boolean,
  pipeline: state.Pipeline,
  plans: readonly Plan[],
  { result, fleet, tookMs, keepsQueues }: { result: RunResult; fleet: Fleet; tookMs: number; keepsQueues: boolean },
): Promise<RunFacts> {
  const { reads, writes } = endsOf(plans)
  const { sent, confirmed, skipped } = fleet.totals(reads)
  return {
    ...result,
    ...{ once, sent, confirmed, skipped, tookMs, keepsQueues },
    written: fleet.totals(writes).acked,
    restarts: fleet.statuses.reduce((total, { status }) => total + status.restarts, 0),
    comparison: await compare(pipeline, plans, once && !result.interrupted),
  }
}

/** Compares what of the input is confirmed, or all of it, with the output. A string says why that cannot be done. */
export async function compare(
  pipeline: state.Pipeline,
  plans: readonly Plan[],
  complete: boolean,
): Promise<Comparison | string> {
  const producer = plans.find(({ readsInput }) => readsInput)
  if (!producer) return `no producer reads ${basename(pipeline.input)}`
  if (!plans.some(({ writesOutput }) => writesOutput)) return `no consumer writes ${basename(pipeline.output)}`
  try {
    const bytes = complete ? Number.POSITIVE_INFINITY : state.confirmedBytes(pipeline, producer.name)
    if (bytes === null) return 'the input was rotated or replaced'
    return await compareFiles(pipeline.input, pipeline.output, bytes)
  } catch (error) {
    return describe(error)
  }
}
