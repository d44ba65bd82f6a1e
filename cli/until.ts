import { addAbortListener } from 'node:events'

/** What {@link unlessAborted} gives when the signal came first. */
export const aborted = Symbol('aborted')

/** The value of `work`, or {@link aborted} as soon as the signal fires: what waits for a broker or a pipe may wait for ever. */
export async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T | typeof aborted> {
  if (signal.aborted) {
    work.catch(() => {})
    return aborted
  }
  const { promise, resolve } = Promise.withResolvers<typeof aborted>()
  using _listening = addAbortListener(signal, () => resolve(aborted))
  return await Promise.race([work, promise])
}
