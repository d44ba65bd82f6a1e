import type { HealthAnswer } from '../core/health.ts'
import type { Clock, Log } from '../ports.ts'
import type { Answer } from './http-server.ts'

export interface Probing {
  readonly host: string
  /** 0 takes any that is free. */
  readonly port: number
  readonly health: () => HealthAnswer
  /** Called once, behind the port: a probe need not wait for the metrics, and a scrape does. */
  readonly expose: () => Promise<{ scrape(): Answer | Promise<Answer> }>
  /** Called with the port once it is open. */
  readonly listening: (port: number) => void
  readonly clock: Clock
  readonly log: Log
}

/** Probes and scrapes can wait, the first delivery cannot: without one the port is opened after this long. */
const idleMs = 500

/** Opens the port for probes and scrapes once the first work is done, or there is none for a while. */
export class ProbeServer {
  readonly #with: Probing
  readonly #cancelTimer: () => void
  #begun = false

  constructor(probing: Probing) {
    this.#with = probing
    this.#cancelTimer = probing.clock.after(idleMs, () => this.firstWorkDone())
  }

  /** To say it again changes nothing. */
  firstWorkDone(): void {
    if (this.#begun) return
    this.#begun = true
    this.#cancelTimer()
    void this.#serve()
  }

  async #serve(): Promise<void> {
    const { host, port: wanted, health, expose, listening, log } = this.#with
    // Loaded when needed: the first delivery does without them.
    const [{ serveHttp }, { probeRoutes }] = await Promise.all([import('./http-server.ts'), import('./probes.ts')])
    try {
      const exposition = Promise.withResolvers<Awaited<ReturnType<Probing['expose']>>>()
      exposition.promise.catch(() => {})
      const routes = new Map<string, () => Answer | Promise<Answer>>(probeRoutes(health))
      routes.set('/metrics', async () => (await exposition.promise).scrape())
      const port = await serveHttp({ host, port: wanted, routes })
      log.info('answering probes', { host, port })
      listening(port)
      exposition.resolve(expose())
    } catch (error) {
      // n.b. no reason to stop: deliveries are worth more than probes, and a kubelet restarts what it cannot probe.
      const advice = 'set OTEL_EXPORTER_PROMETHEUS_PORT to a port that is free, or to 0 for any'
      log.error('no port for probes: nothing can ask how this process is', { host, port: wanted, error, advice })
    }
  }
}
