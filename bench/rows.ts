import type { Row } from './harness/row.ts'
import { autoscaler, growthQueues } from './rows/autoscaler.ts'
import { coldStart, coldStartCpu, coldStartHalf, coldStartTenth } from './rows/cold-start.ts'
import { concurrency } from './rows/concurrency.ts'
import { consumeClassic, consumeQuorum } from './rows/consume.ts'
import { slowBroker, slowDisk } from './rows/faults.ts'
import { growthFunctions, growthPrefetch, growthSize, growthWindow } from './rows/growth.ts'
import { history } from './rows/history.ts'
import { idleFleet } from './rows/idle-fleet.ts'
import { image } from './rows/image.ts'
import { latency } from './rows/latency.ts'
import { backlog, backlogLarge, memoryIdle, memoryLoad, memoryLoadLarge } from './rows/memory.ts'
import { peers } from './rows/peers.ts'
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
  memoryIdle,
  memoryLoad,
  memoryLoadLarge,
  backlog,
  backlogLarge,
  slowDisk,
  slowBroker,
  coldStart,
  coldStartCpu,
  coldStartTenth,
  coldStartHalf,
  image,
  autoscaler,
  idleFleet,
  peers,
  growthFunctions,
  growthQueues,
  growthSize,
  growthWindow,
  growthPrefetch,
]
