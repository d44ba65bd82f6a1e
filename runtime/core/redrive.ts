import { failedAttempts, header, withoutBrokerHeaders } from './headers.ts'
import type { Headers } from './spec.ts'

/** One return from the dead letters: when, and what the message had died of. */
export interface Redrive {
  /** ISO 8601. */
  readonly at: string
  readonly code: string
  readonly cause: string
  /** Attempts that had failed; 0 if the message had never been tried, or nobody knows. */
  readonly failed: number
}

/** So many are kept, and so much of each one's cause: a header table must fit one frame. */
const keptRedrives = 10
const causeLimit = 256

/** What the life that ends with a redrive wrote on the message: the next one begins as if it were the first. */
const ofOneLife: ReadonlySet<string> = new Set([
  header.failed,
  header.origin,
  header.code,
  header.cause,
  header.firstFailure,
  header.lastFailure,
  header.suspect,
])

/** How often the message was moved back. A header that is no sane count counts as none. */
export function redriveCount(headers: Headers): number {
  const value = headers[header.redrives]
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0
}

/** The last few returns, oldest first; what cannot be read of them is left out. */
export function redrivesOf(headers: Headers): readonly Redrive[] {
  const value = headers[header.redriven]
  if (!Array.isArray(value)) return []
  return value.flatMap((entry: unknown) => {
    if (typeof entry !== 'object' || entry === null) return []
    const { at, code, cause, failed } = entry as Partial<Record<keyof Redrive, unknown>>
    if (typeof at !== 'string' || typeof code !== 'string' || typeof cause !== 'string') return []
    return { at, code, cause, failed: typeof failed === 'number' ? failed : 0 }
  })
}

/**
 * The headers of a message that moves from the dead letters back to a queue: attempts and age begin anew, the history of redrives is
 * one longer, and all else stays, the context of its trace as well.
 * @param died what it died of; `mayRepeat` if somebody may have moved it before, so that a copy may be on its way
 */
export function redrivenHeaders(
  headers: Headers,
  died: { readonly code: string; readonly cause: string },
  at: number,
  mayRepeat: boolean,
): Record<string, unknown> {
  const kept = Object.entries(withoutBrokerHeaders(headers)).filter(([name]) => !ofOneLife.has(name))
  const redrive: Redrive = {
    at: new Date(at).toISOString(),
    code: died.code,
    cause: died.cause.slice(0, causeLimit),
    failed: failedAttempts(headers),
  }
  return {
    ...Object.fromEntries(kept),
    [header.redrives]: redriveCount(headers) + 1,
    [header.redriven]: [...redrivesOf(headers), redrive].slice(-keptRedrives),
    ...(mayRepeat ? { [header.mayRepeat]: true } : {}),
  }
}
