import type { Clock } from '../ports.ts'

export const systemClock: Clock = {
  now: () => Date.now(),
  // n.b. not performance.now(): the first touch of `performance` loads half a megabyte.
  monotonic: () => process.uptime() * 1000,
  after(ms, fn) {
    const timer = setTimeout(fn, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
}
