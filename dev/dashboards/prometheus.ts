/** A series as Prometheus answers: time in s, value as text. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>
  readonly values: readonly (readonly [number, string])[]
}

interface Answer {
  readonly status: string
  readonly error?: string
  readonly data?: {
    readonly result: readonly { readonly metric: Series['metric']; readonly value: Series['values'][0] }[]
  }
}

/** Prometheus' HTTP API, as far as dashboards use it. */
export class Prometheus {
  readonly #url: string

  constructor(url: string) {
    this.#url = url.replace(/\/$/, '')
  }

  /** The value of each series now. @throws Error with what Prometheus says of the query */
  async now(query: string): Promise<readonly Series[]> {
    const { data } = await this.#ask<Answer>('query', { query })
    return (data?.result ?? []).map(({ metric, value }) => ({ metric, values: [value] }))
  }

  /** Each series from `from` to `to`, both in s since 1970, every `step` s. */
  async range(query: string, from: number, to: number, step: number): Promise<readonly Series[]> {
    type Ranges = Omit<Answer, 'data'> & { readonly data?: { readonly result: readonly Series[] } }
    const { data } = await this.#ask<Ranges>('query_range', { query, start: `${from}`, end: `${to}`, step: `${step}` })
    return data?.result ?? []
  }

  async #ask<T extends { readonly status: string; readonly error?: string }>(
    path: string,
    parameters: Readonly<Record<string, string>>,
  ): Promise<T> {
    const response = await fetch(`${this.#url}/api/v1/${path}`, {
      method: 'POST',
      body: new URLSearchParams(parameters),
    })
    const answer = (await response.json()) as T
    if (answer.status !== 'success') throw new Error(`${answer.error}: ${parameters.query}`)
    return answer
  }
}
