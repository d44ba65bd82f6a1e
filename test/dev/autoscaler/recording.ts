import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { readScaledObjects } from '../../../dev/autoscaler/reader.ts'
import type { ScaledObject } from '../../../dev/autoscaler/scaled-object.ts'

/** What a trigger was told: messages, or that there is no such queue, or nothing at all. */
export type Seen = number | 'missing' | 'unreachable'

/** What each replica does to the queue. */
export interface Work {
  readonly coldStartMs: number
  readonly handlerMs: number
  /** Messages of one run of the handler. */
  readonly batchSize: number
  readonly prefetch: number
}

/** What happened to one ScaledObject in a real cluster. Times are seconds since it was made. */
export interface Recording {
  readonly about: string
  /** The versions it was recorded with. */
  readonly kubernetes: string
  readonly keda: string
  /** Of the HPA controller: 15 by default, a flag of kube-controller-manager. */
  readonly hpaSyncSeconds: number
  /** As it was applied, without the broker's address. */
  readonly object: Readonly<Record<string, unknown>>
  /** Of the Deployment, before there was the ScaledObject. */
  readonly replicasBefore: number
  readonly seconds: number
  /** Annotations below `autoscaling.keda.sh/` that were set or removed (null). */
  readonly annotated: readonly (readonly [number, Readonly<Record<string, string | null>>])[]
  /** Messages that were published at one second, and to which queue. */
  readonly arrivals: readonly (readonly [number, number, string])[]
  /** null: the replicas did nothing, and what left the queue was taken from outside. */
  readonly work: Work | null
  /** From when on each trigger, in their order, was told so. */
  readonly seen: readonly (readonly [number, ...Seen[]])[]
  /** From when on the Deployment was set to so many replicas. */
  readonly replicas: readonly (readonly [number, number])[]
}

/** From which second on there were so many replicas. */
export type Timeline = readonly (readonly [number, number])[]

const folder = new URL('recordings/', import.meta.url)

export const recordings = readdirSync(folder)
  .sort()
  .map((file) => {
    const recording = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Recording
    return { name: file.replace('.json', ''), recording }
  })

/** The object with what was annotated until that second. */
export function objectAt({ object, annotated }: Recording, second: number): ScaledObject {
  const metadata = object.metadata as { readonly name: string; readonly annotations: Record<string, string> }
  const annotations = { ...metadata.annotations }
  for (const [at, changes] of annotated) {
    if (at > second) break
    for (const [name, value] of Object.entries(changes)) {
      const key = `autoscaling.keda.sh/${name}`
      if (value === null) delete annotations[key]
      else annotations[key] = value
    }
  }
  const text = JSON.stringify({ ...object, metadata: { ...metadata, annotations } })
  const [read] = readScaledObjects([{ path: 'recorded', text }]).objects
  assert.ok(read)
  return read
}

/** A poll and a sync may come at one moment; what stands between the two is no count that anybody compares. */
const momentSeconds = 0.5

/** How a count of the one is found in the other. */
type Likeness = (other: number, count: number) => boolean
const same: readonly Likeness[] = [(other, count) => other === count]
const between: readonly Likeness[] = [(other, count) => other <= count, (other, count) => other >= count]

/**
 * The longest way, in seconds, from a count that one of the two has to the nearest moment at which the other has it. Where replicas
 * work, a backlog is another one each second, and what a sync makes of it depends on the second: there it is the way to the nearest
 * moments between whose counts it lies.
 */
export function deviation(one: Timeline, other: Timeline, seconds: number, works = false): number {
  const until = (timeline: Timeline, index: number): number => Math.min(seconds, timeline[index + 1]?.[0] ?? seconds)
  const farthest = (these: Timeline, those: Timeline): number => {
    let most = 0
    for (const [index, [from, count]] of these.entries()) {
      const end = until(these, index)
      if (end - from < momentSeconds) continue
      for (let at = from; at < end; at += 0.1) {
        for (const alike of works ? between : same) {
          const distances = those.map(([start, other], place) =>
            alike(other, count) ? Math.max(0, start - at, at - until(those, place)) : seconds,
          )
          most = Math.max(most, Math.min(...distances))
        }
      }
    }
    return most
  }
  return Math.max(farthest(one, other), farthest(other, one))
}
