import { existsSync, writeFileSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Wrap } from '../../runtime/ports.ts'

/** Runs inside the function's process: sees every call of every port, and does harm at one of them. */

/**
 * What happens at the point: the process dies; every connection that stands is reset; or nothing that is written to them
 * arrives any more, and the process dies soon after. A process that only dies leaves to the kernel what it wrote before. Or
 * the process stands still until the test has seen to it that the broker refuses something: see refused-by.ts.
 */
export type Harm = 'kill' | 'reset' | 'cut off' | Refusal

export const refusals = [
  'unroutable',
  'full',
  'dead full',
  'retry full',
  'dead gone',
  'mismatch',
  'forbidden',
  'login refused',
  'locked',
] as const

export type Refusal = (typeof refusals)[number]

/** Met by a session when it begins: those that stand are reset first. */
export const metOnReconnect: readonly Harm[] = ['mismatch', 'forbidden', 'login refused', 'locked']

/** How long a process lives that is cut off, in ms: enough for many checkpoints. */
const cutOffMs = 60

export const saboteurEnv = {
  /** A point, such as `broker.publisher.publish before 3`. */
  at: 'KEDAFN_FAULT_AT',
  harm: 'KEDAFN_FAULT_HARM',
  /** Gets how often each call was seen, as JSON, when the process exits. */
  recordPath: 'KEDAFN_FAULT_RECORD',
  /** The file whose appearance ends a standstill. */
  goOnPath: 'KEDAFN_FAULT_GO_ON',
} as const

/** The line on stderr that says the harm was done; a killed process says it just before. */
export const harmDone = 'harm done at '

type Call = (...args: unknown[]) => unknown

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/** What has no calls of interest, or cannot stand behind a proxy. */
const isPlatformObject = (value: object): boolean =>
  Array.isArray(value) ||
  ArrayBuffer.isView(value) ||
  [Promise, AbortSignal, Error, Map, Set].some((type) => value instanceof type)

function hasMethods(value: unknown): value is object {
  if (!isObject(value) || isPlatformObject(value)) return false
  for (let of: object | null = value; of !== null && of !== Object.prototype; of = Object.getPrototypeOf(of)) {
    for (const [name, { value: member }] of Object.entries(Object.getOwnPropertyDescriptors(of))) {
      if (name !== 'constructor' && typeof member === 'function') return true
    }
  }
  return false
}

/**
 * Finds the calls by itself: whatever is a method of a port, of what a port returns, hands to a callback or is given. A new
 * call cannot be forgotten.
 */
export class Saboteur {
  readonly #at: string | undefined
  readonly #harm: Harm
  readonly #goOnPath: string
  readonly #seen = new Map<string, number>()
  /** One proxy an object: a delivery's source is compared by identity. */
  readonly #proxies = new WeakMap<object, object>()

  constructor(env: NodeJS.ProcessEnv) {
    this.#at = env[saboteurEnv.at]
    this.#harm = (env[saboteurEnv.harm] ?? 'kill') as Harm
    this.#goOnPath = env[saboteurEnv.goOnPath] ?? ''
    const recordPath = env[saboteurEnv.recordPath]
    if (recordPath) {
      process.on('exit', () => writeFileSync(recordPath, JSON.stringify(Object.fromEntries(this.#seen))))
    }
  }

  readonly wrap: Wrap = (port, implementation) => this.#proxy(port, implementation)

  #proxy<T extends object>(name: string, target: T): T {
    const known = this.#proxies.get(target)
    if (known) return known as T
    const methods = new Map<unknown, Call>()
    const proxy = new Proxy(target, {
      get: (_target, key) => {
        const member: unknown = Reflect.get(target, key, target)
        if (typeof member !== 'function') return member
        const known = methods.get(member)
        if (known) return known
        const label = typeof key === 'symbol' ? key.description : key
        // n.b. `this` is the object itself: private fields are not to be had through a proxy.
        const method = this.#call(`${name}.${label}`, (...args) => Reflect.apply(member, target, args))
        methods.set(member, method)
        return method
      },
    })
    this.#proxies.set(target, proxy)
    this.#proxies.set(proxy, proxy)
    return proxy
  }

  #call(name: string, call: Call): Call {
    return (...args) => {
      this.#reached(`${name} before`)
      const result = call(...args.map((arg) => this.#value(name, 'callback', arg)))
      if (!(result instanceof Promise)) {
        this.#reached(`${name} after`)
        return this.#value(name, 'result', result)
      }
      return result.then(
        (value) => {
          this.#reached(`${name} after`)
          return this.#value(name, 'result', value)
        },
        (error) => {
          this.#reached(`${name} failed`)
          throw error
        },
      )
    }
  }

  #value(name: string, what: 'callback' | 'result', value: unknown): unknown {
    if (typeof value === 'function') return this.#call(`${name}.${what}`, value as Call)
    if (hasMethods(value)) return this.#proxy(name, value)
    if (!isObject(value) || isPlatformObject(value)) return value
    const members = Object.entries(value)
    if (!members.some(([, member]) => hasMethods(member))) return value
    return Object.fromEntries(
      members.map(([key, member]) => [key, hasMethods(member) ? this.#proxy(`${name}.${key}`, member) : member]),
    )
  }

  #reached(point: string): void {
    const seen = (this.#seen.get(point) ?? 0) + 1
    this.#seen.set(point, seen)
    if (`${point} ${seen}` !== this.#at) return
    process.stderr.write(`${harmDone}${this.#at}\n`)
    const die = () => process.kill(process.pid, 'SIGKILL')
    if (this.#harm === 'kill') die()
    else if (this.#harm === 'reset') for (const socket of connections()) reset(socket)
    else if (metOnReconnect.includes(this.#harm)) {
      for (const socket of connections()) reset(socket)
      // n.b. A socket is closed at the end of a turn of the event loop; the broker must see that before we stand still.
      setImmediate(() => setImmediate(() => standStill(this.#goOnPath)))
    } else if (refusals.some((refusal) => refusal === this.#harm)) standStill(this.#goOnPath)
    else {
      for (const socket of connections()) socket.write = () => true
      setTimeout(die, cutOffMs)
    }
  }
}

/** Nothing of the process runs meanwhile: the refusal stands before the very call is made. */
function standStill(goOnPath: string): void {
  writeSync(2, 'standing still\n')
  const cell = new Int32Array(new SharedArrayBuffer(4))
  while (!existsSync(goOnPath)) Atomics.wait(cell, 0, 0, 2)
}

function connections(): Socket[] {
  const { _getActiveHandles: handles } = process as unknown as { _getActiveHandles(): unknown[] }
  // The pipes to the parent have no remote end.
  return handles
    .call(process)
    .filter((handle) => handle instanceof Socket && handle.remotePort !== undefined) as Socket[]
}

/** As the kernel would report it: a socket that is destroyed without an error is a case that no network makes. */
const reset = (socket: Socket): void =>
  void socket.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' }))
