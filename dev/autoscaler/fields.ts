import { isMap, isScalar, LineCounter, type Node, type Pair, parseAllDocuments, type YAMLMap } from 'yaml'

/** One YAML document of a file, and where its nodes stand. */
export interface SourceDocument {
  readonly file: string
  readonly root: unknown
  lineOf(node: unknown): number
}

/** The documents of a file; what is no YAML is a problem. */
export function documentsOf(file: string, text: string, problems: string[]): readonly SourceDocument[] {
  const counter = new LineCounter()
  const parsed = parseAllDocuments(text, { lineCounter: counter, uniqueKeys: true })
  const lineOf = (node: unknown): number => counter.linePos((node as Node | undefined)?.range?.[0] ?? 0).line || 1
  if (!Array.isArray(parsed)) return []
  return parsed.flatMap((document) => {
    for (const { message, linePos } of document.errors) {
      const [what] = message.replace(/ at line \d+, column \d+:/, '').split('\n')
      problems.push(`${file}:${linePos?.[0].line ?? 1}: ${what}`)
    }
    return document.errors.length > 0 ? [] : [{ file, root: document.contents, lineOf }]
  })
}

/** Reads the fields of one mapping, each once; what it finds wrong goes to `problems` with file, line and path. */
export class Fields {
  readonly path: string
  readonly #source: SourceDocument
  readonly #node: YAMLMap | null
  readonly #problems: string[]

  constructor(source: SourceDocument, node: unknown, path: string, problems: string[]) {
    this.path = path
    this.#source = source
    this.#problems = problems
    this.#node = isMap(node) ? node : null
    if (node !== null && node !== undefined && !isMap(node)) this.problem(path, 'is no mapping', node)
  }

  get present(): boolean {
    return this.#node !== null
  }

  problem(path: string, what: string, node: unknown = this.#node): void {
    this.#problems.push(`${this.#source.file}:${this.#source.lineOf(node)}: ${path} ${what}`)
  }

  /** Names every field that is none of `known`, with the nearest that is; with a prefix only those that begin with it. */
  only(known: readonly string[], prefix = ''): void {
    for (const { key } of this.#pairs()) {
      const name = String(isScalar(key) ? key.value : key)
      if (known.includes(name) || !name.startsWith(prefix)) continue
      const near = nearest(name, known)
      const hint = near === null ? `known are ${known.join(', ')}` : `meant is perhaps ${near}`
      this.problem(this.#at(name), `is not known; ${hint}`, key)
    }
  }

  map(name: string): Fields {
    return new Fields(this.#source, this.#node?.get(name, true), this.#at(name), this.#problems)
  }

  list(name: string): readonly Fields[] {
    const node = this.#node?.get(name, true) as { items?: readonly unknown[] } | null | undefined
    if (node === null || node === undefined) return []
    if (!Array.isArray(node.items) || isMap(node)) {
      this.problem(this.#at(name), 'is no list', node)
      return []
    }
    return node.items.map(
      (item, index) => new Fields(this.#source, item, `${this.#at(name)}[${index}]`, this.#problems),
    )
  }

  integer(name: string, fallback: number, min: number, max = 2 ** 31 - 1): number {
    const value = this.#value(name)
    if (value === undefined || value === null) return fallback
    if (typeof value === 'number' && value >= min && value <= max && Number.isInteger(value)) return value
    const range = max === 2 ** 31 - 1 ? `of ${min} or more` : `of ${min} to ${max}`
    const said = `is ${JSON.stringify(value)}; expected a whole number ${range}`
    this.problem(this.#at(name), said, this.#node?.get(name, true))
    return fallback
  }

  /** A quantity of Kubernetes of 0 or more. n.b. the API server takes one with a fraction only as a string: "0.05" or "50m". */
  quantity(name: string, fallback: number): number {
    const value = this.#value(name)
    if (value === undefined || value === null) return fallback
    const [, digits, unit] = /^(\d+(?:\.\d+)?)(m?)$/.exec(typeof value === 'string' ? value : '') ?? []
    if (digits !== undefined) return unit === 'm' ? Number(digits) / 1000 : Number(digits)
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value
    const said = `is ${JSON.stringify(value)}; expected a quantity of 0 or more in quotes, such as "0.05"`
    this.problem(this.#at(name), said, this.#node?.get(name, true))
    return fallback
  }

  /** A string, as KEDA insists on in metadata and annotations, even for numbers. */
  string(name: string): string | null {
    const value = this.#value(name)
    if (value === undefined || value === null || typeof value === 'string') return value ?? null
    this.problem(
      this.#at(name),
      `is ${JSON.stringify(value)}; expected a string, in quotes`,
      this.#node?.get(name, true),
    )
    return null
  }

  oneOf<T extends string>(name: string, values: readonly T[], fallback: T): T {
    const value = this.string(name)
    if (value === null) return fallback
    const found = values.find((one) => one === value)
    if (found !== undefined) return found
    const said = `is ${JSON.stringify(value)}; expected one of ${values.join(', ')}`
    this.problem(this.#at(name), said, this.#node?.get(name, true))
    return fallback
  }

  boolean(name: string): boolean {
    const value = this.#value(name)
    if (typeof value === 'boolean' || value === undefined || value === null) return value ?? false
    this.problem(this.#at(name), `is ${JSON.stringify(value)}; expected true or false`, this.#node?.get(name, true))
    return false
  }

  has(name: string): boolean {
    return this.#value(name) !== undefined
  }

  #value(name: string): unknown {
    const node = this.#node?.get(name, true)
    return isScalar(node) ? node.value : (node ?? undefined)
  }

  #pairs(): readonly Pair[] {
    return this.#node?.items ?? []
  }

  #at(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`
  }
}

/** The known name that takes the fewest edits, if they are few. */
export function nearest(name: string, known: readonly string[]): string | null {
  const scored = known.map((one) => ({ one, edits: editsBetween(name.toLowerCase(), one.toLowerCase()) }))
  scored.sort((a, b) => a.edits - b.edits)
  const [best] = scored
  return best && best.edits <= Math.max(1, name.length / 3) ? best.one : null
}

function editsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
