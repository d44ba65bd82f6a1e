/** How many ids are remembered, so that a delivery that comes twice counts once. */
const remembered = 100_000

/** Lines by minute and level. */
export class LevelCounts {
  readonly #minutes: Map<string, Record<string, number>>
  readonly #seen = new Set<string>()

  /** Goes on from what {@link toJson} gave. */
  constructor(json = '{}') {
    this.#minutes = new Map(Object.entries(JSON.parse(json) as Record<string, Record<string, number>>))
  }

  add(id: string, line: string): void {
    if (this.#seen.has(id)) return
    this.#seen.add(id)
    if (this.#seen.size > remembered) this.#seen.delete(this.#seen.values().next().value as string)
    const minute = /\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.exec(line)?.[0].replace(' ', 'T') ?? 'no time'
    const level = /\b(TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\b/.exec(line)?.[0] ?? 'no level'
    const levels = this.#minutes.get(minute) ?? {}
    levels[level] = (levels[level] ?? 0) + 1
    this.#minutes.set(minute, levels)
  }

  toJson(): string {
    return `${JSON.stringify(Object.fromEntries([...this.#minutes].sort()), null, 2)}\n`
  }
}
