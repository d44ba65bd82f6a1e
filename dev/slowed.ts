/**
 * Wraps a spec in the bundles that `npm start` makes, so that a person can slow its handler down while it runs and watch a backlog
 * grow. What is built for an image is without it.
 */
import { each, isSingle } from '../runtime/core/verdict.ts'

interface Slowable {
  readonly handle: (batch: readonly unknown[], ctx: { readonly signal: AbortSignal }, resource: unknown) => unknown
}

/** The environment variable that a process begins with; later it is told over its IPC channel. */
const variable = 'KEDAFN_SLOWED_MS'

export function slowed<T>(spec: T): T {
  if (!isSlowable(spec)) return spec
  let msPerMessage = Number(process.env[variable] ?? 0)
  process.on('message', (message) => {
    if (typeof message === 'object' && message !== null && 'slowedMs' in message) {
      msPerMessage = Number(message.slowedMs)
    }
  })
  const { handle } = spec
  const slow: Slowable['handle'] = async (batch, ctx, resource) => {
    await pause(msPerMessage * batch.length, ctx.signal)
    return handle(batch, ctx, resource)
  }
  // n.b. the wrapper of a handler of one delivery has to be one too: defaults depend on it.
  const single = each((delivery, ctx, resource) => slow([delivery], ctx, resource))
  return { ...spec, handle: isSingle(handle) ? single : slow }
}

const isSlowable = (spec: unknown): spec is Slowable =>
  typeof spec === 'object' && spec !== null && 'handle' in spec && typeof spec.handle === 'function'

/** Ends early when the drain's time is nearly over. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms === 0 || signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
  })
}
