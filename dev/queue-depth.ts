import type { Inspector } from '../runtime/rabbitmq/inspect.ts'
import type { Plan } from './plan.ts'

/** The queues of one function at one moment. A queue that does not exist holds nothing. */
export interface Depth {
  readonly queue: string
  /** Waiting for a consumer. */
  readonly ready: number
  /** Waiting for another attempt. */
  readonly retrying: number
  readonly dead: number
}

export interface DepthReader {
  /** `all`: retry queues and dead letters too, else 0 for them. null: the broker cannot be asked at the moment. */
  read(which: 'work' | 'all'): Promise<readonly Depth[] | null>
}

const answerTimeoutMs = 5000

/** Reads the depths of every queue that a planned function works on, each queue once. */
export function depthReader(inspector: Inspector, plans: readonly Plan[]): DepthReader {
  const byQueue = new Map<string, Plan>()
  for (const plan of plans) if (plan.kind === 'consumer') byQueue.set(plan.queue, plan)
  for (const plan of plans) if (!byQueue.has(plan.queue)) byQueue.set(plan.queue, plan)

  const readyIn = async (queues: readonly string[]): Promise<number> => {
    let ready = 0
    for (const queue of queues) ready += (await inspector.depth(queue))?.ready ?? 0
    return ready
  }
  const depthOf = async ({ queue, retryQueues, deadQueue }: Plan, which: 'work' | 'all'): Promise<Depth> => {
    // n.b. retry queues first: what moves from one to the work queue meanwhile is then counted twice, never missed.
    const retrying = which === 'all' ? await readyIn(retryQueues) : 0
    const dead = which === 'all' ? await readyIn([deadQueue]) : 0
    const work = await inspector.depth(queue)
    return { queue, ready: work?.ready ?? 0, retrying, dead }
  }
  return {
    async read(which) {
      const asked = Promise.all([...byQueue.values()].map((plan) => depthOf(plan, which)))
      return within(answerTimeoutMs, asked).catch(() => null)
    },
  }
}

async function within<T>(ms: number, promise: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, ms, null)
  })
  promise.catch(() => {})
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
