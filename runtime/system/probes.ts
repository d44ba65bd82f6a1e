import type { HealthAnswer } from '../core/health.ts'

/** How a kubelet is told: by the status; why, for whoever looks, in the body. */
export function probeRoutes(health: () => HealthAnswer) {
  const answer = (good: boolean, reasons: readonly string[]) => ({
    status: good ? 200 : 503,
    contentType: 'text/plain; charset=utf-8',
    body: `${[good ? 'ok' : 'no', ...reasons].join('\n')}\n`,
  })
  return new Map([
    ['/livez', () => answer(health().live, health().reasons)],
    ['/readyz', () => answer(health().ready, health().reasons)],
  ])
}
