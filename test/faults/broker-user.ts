import { askManagement } from '../../dev/broker/management.ts'
import type { Vhost } from '../support/broker.ts'

const password = 'secret'

/** The user of a lane's victims, so that something can be refused to them and not to the test. */
export class BrokerUser {
  readonly #vhost: Vhost
  readonly #name: string

  private constructor(vhost: Vhost) {
    this.#vhost = vhost
    this.#name = vhost.vhost
  }

  /** One that may do all in the vhost. */
  static async of(vhost: Vhost): Promise<BrokerUser> {
    const user = new BrokerUser(vhost)
    await user.setPassword()
    await user.permit('.*')
    return user
  }

  get url(): string {
    const url = new URL(this.#vhost.url)
    url.username = this.#name
    url.password = password
    return url.href
  }

  async setPassword(word: string = password): Promise<void> {
    await this.#ask('PUT', `users/${this.#name}`, { password: word, tags: '' })
  }

  /** @param names a pattern of what it may do anything with */
  async permit(names: string): Promise<void> {
    const permissions = { configure: names, write: names, read: names }
    await this.#ask('PUT', `permissions/${encodeURIComponent(this.#vhost.vhost)}/${this.#name}`, permissions)
  }

  async dispose(): Promise<void> {
    await this.#ask('DELETE', `users/${this.#name}`)
  }

  async #ask(method: 'PUT' | 'DELETE', path: string, body?: unknown): Promise<void> {
    const response = await askManagement(this.#vhost.managementUrl, { method, path, body })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
  }
}
