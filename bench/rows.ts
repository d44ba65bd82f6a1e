import type { Row } from './harness/row.ts'
import { concurrency } from './rows/concurrency.ts'
import { consumeClassic, consumeQuorum } from './rows/consume.ts'
import { history } from './rows/history.ts'
import { latency } from './rows/latency.ts'
import { pipelineClassic, pipelineQuorum } from './rows/pipeline.ts'
import { publishClassic, publishQuorum } from './rows/publish.ts'
import { telemetry } from './rows/telemetry.ts'

/** All that can be measured, in the order of the page. */
export const rows: readonly Row[] = [
  publishQuorum,
  publishClassic,
  consumeQuorum,
  consumeClassic,
  pipelineQuorum,
  pipelineClassic,
  history,
  telemetry,
  concurrency,
  latency,
]
