import { setTimeout as delay } from 'node:timers/promises'
import { askManagement } from '../../dev/broker/management.ts'
import type { OwnBroker } from '../support/broker.ts'
import { seeded } from '../unit/seeded.ts'
import type { Member } from './member.ts'

export type Event = 'crash' | 'drain' | 'pause' | 'connections closed' | 'broker restarted'

export interface ChaosOptions {
  readonly broker: OwnBroker
  readonly members: readonly Member[]
  /** The same one does the same things in the same order; how far the functions are by then is another matter. */
  readonly seed: number
  readonly durationMs: number
  readonly say: (line: string) => void
}

/** A broker takes seconds to come back: a restart is one event of so many. */
const eventsPerRestart = 20
const mostWaitMs = 700
const mostPauseMs = 1500

/** Does harm until the time is over. @returns how often what happened; nothing is paused or stopped any more. */
export async function chaos(options: ChaosOptions): Promise<Record<Event, number>> {
  const { broker, members, seed, durationMs, say } = options
  const next = seeded(seed)
  const counts: Record<Event, number> = {
    crash: 0,
    drain: 0,
    pause: 0,
    'connections closed': 0,
    'broker restarted': 0,
  }
  const pauses = new Set<Promise<void>>()
  const began = Date.now()
  for (let index = 1; Date.now() - began < durationMs; index++) {
    await delay(next(mostWaitMs))
    const member = members[next(members.length)] as Member
    const event = index % eventsPerRestart === 0 ? 'broker restarted' : frequent[next(frequent.length)]
    if (event === undefined) continue
    counts[event]++
    say(`${((Date.now() - began) / 1000).toFixed(1)} s  ${event}${isOfMember(event) ? `: ${member.name}` : ''}`)
    if (event === 'crash') member.crash()
    else if (event === 'drain') member.replace()
    else if (event === 'connections closed') await closeConnections(broker)
    else if (event === 'broker restarted') {
      await broker.broker.stop()
      await broker.broker.restart()
    } else {
      const goOn = member.pause()
      const pause = delay(next(mostPauseMs)).then(goOn)
      pauses.add(pause)
    }
  }
  await Promise.all(pauses)
  return counts
}

const frequent: readonly Event[] = ['crash', 'crash', 'drain', 'pause', 'connections closed']
const isOfMember = (event: Event): boolean => event === 'crash' || event === 'drain' || event === 'pause'

const closeConnections = (broker: OwnBroker): Promise<unknown> =>
  askManagement(broker.managementUrl, { method: 'DELETE', path: 'connections/username/guest' })
