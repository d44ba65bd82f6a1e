/** What the runtime counts. Totals since the process began. */
export interface Counters {
  /** Lines handed to the publisher. */
  sent: number
  /** Lines that the broker has confirmed. */
  confirmed: number
  /** Lines skipped because `map` returned null. */
  skipped: number
  /** Publishes that came back because no queue is bound. */
  unroutable: number
  /** Messages that came from the broker. */
  messages: number
  /** Deliveries that they brought: one, or as many as they have lines. */
  received: number
  /** Deliveries that came with the redelivered flag. */
  redelivered: number
  /** Deliveries acked after their handler was done with them. */
  acked: number
  /** Deliveries acked without the handler, since this process was done with the same message already. */
  repeated: number
  /** Deliveries moved to a retry queue. */
  retried: number
  /** Messages moved to dead letters. */
  dead: number
  /** Deliveries given back to the queue at drain. */
  handedBack: number
  /**
   * Deliveries whose channel went away before they were settled; the broker delivers them again.
   * received = acked + repeated + retried + dead + handedBack + lost + in flight, in a consumer.
   */
  lost: number
  /** Sessions with the broker that ended without our doing. */
  reconnects: number
}

/** All of them at 0. */
export const noCounters: Counters = {
  sent: 0,
  confirmed: 0,
  skipped: 0,
  unroutable: 0,
  messages: 0,
  received: 0,
  redelivered: 0,
  acked: 0,
  repeated: 0,
  retried: 0,
  dead: 0,
  handedBack: 0,
  lost: 0,
  reconnects: 0,
}
