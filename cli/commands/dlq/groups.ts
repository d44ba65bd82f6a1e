import type { Letter } from './letter.ts'

/** Dead letters of one code. */
export interface Group {
  readonly code: string
  readonly messages: number
  readonly bytes: number
  /** How many of them were moved back before. */
  readonly redriven: number
  /** ms since 1970 of the last failure; null if none of them says. */
  readonly oldest: number | null
  readonly newest: number | null
  /** The id of the first of them. */
  readonly example: string
  /** The causes, numbers in them written as `#`, most frequent first. */
  readonly causes: readonly { readonly cause: string; readonly messages: number }[]
}

/** Causes are texts of anything that threw: of more than these the rest is counted as one. */
const causesKept = 100
const otherCauses = '(others)'

interface Growing {
  messages: number
  bytes: number
  redriven: number
  oldest: number | null
  newest: number | null
  readonly example: string
  readonly causes: Map<string, number>
}

/** Counts dead letters by code and cause, in memory that does not grow with their number. */
export class Groups {
  readonly #byCode = new Map<string, Growing>()

  add({ code, cause, bytes, redrives, lastFailure, id }: Letter): void {
    let group = this.#byCode.get(code)
    if (!group) {
      group = { messages: 0, bytes: 0, redriven: 0, oldest: null, newest: null, example: id, causes: new Map() }
      this.#byCode.set(code, group)
    }
    group.messages++
    group.bytes += bytes
    if (redrives > 0) group.redriven++
    if (lastFailure !== null) {
      group.oldest = Math.min(group.oldest ?? lastFailure, lastFailure)
      group.newest = Math.max(group.newest ?? lastFailure, lastFailure)
    }
    const alike = cause.replaceAll(/\d+/g, '#')
    const kept = group.causes.has(alike) || group.causes.size < causesKept ? alike : otherCauses
    group.causes.set(kept, (group.causes.get(kept) ?? 0) + 1)
  }

  /** The largest first. */
  all(): readonly Group[] {
    return [...this.#byCode]
      .map(([code, { causes, ...group }]) => {
        const counted = [...causes].map(([cause, messages]) => ({ cause, messages }))
        return { code, ...group, causes: counted.sort((a, b) => b.messages - a.messages) }
      })
      .sort((a, b) => b.messages - a.messages)
  }
}
