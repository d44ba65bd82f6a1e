import assert from 'node:assert/strict'
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Checkpoint } from '../../runtime/core/checkpoint.ts'
import { LineSplitter } from '../../runtime/core/lines.ts'
import { openTail } from '../../runtime/files/tail.ts'
import type { Clock, Source, SourceChunk } from '../../runtime/ports.ts'
import { Ledger } from './tail-ledger.ts'
import { type ModelCheckpoint, ModelDirectory, type ModelFile, ModelReader } from './tail-model.ts'
import { RecordingLog } from './workspace.ts'

export type Operation =
  | { readonly op: 'append'; readonly piece: 'line' | 'part' | 'end' | 'blank' | 'many'; readonly size: number }
  /** Renamed away; `late`: somebody still writes to it after that. */
  | { readonly op: 'rotate'; readonly next: 'none' | 'empty' | 'line' | 'same begin'; readonly late: boolean }
  /** Truncated and written again before anybody looks. */
  | {
      readonly op: 'rewrite'
      readonly to: 'empty' | 'smaller' | 'same size' | 'larger'
      readonly sameBegin: boolean
      /** A copy was made before. */
      readonly copy: boolean
    }
  /** Rewritten so that nobody can know it: the last KiB that was read stands at its place again. */
  | { readonly op: 'rewrite unnoticed' }
  | { readonly op: 'remove' }
  /** Another file takes the name: by rename, by the swap of a ConfigMap's directory, or after the first was deleted. */
  | {
      readonly op: 'replace'
      readonly by: 'rename' | 'delete'
      readonly with: 'added' | 'edited' | 'shortened' | 'other'
    }
  | { readonly op: 'look' }
  | { readonly op: 'save' }
  | { readonly op: 'restart'; readonly from: 'last' | 'first' | 'nothing' }

/** Time passes when it is told to, and it tells when somebody waits for time to pass. */
class LookClock implements Clock {
  #time = 0
  #fire: (() => void) | null = null
  #waiting: () => void = () => {}

  now = () => this.#time
  monotonic = () => this.#time
  after(_ms: number, fn: () => void): () => void {
    this.#fire = fn
    this.#waiting()
    return () => {
      this.#fire = null
    }
  }
  /** Ends the wait there is. */
  advance(ms: number): void {
    this.#time += ms
    this.#fire?.()
  }
  nextWait(): Promise<null> {
    return new Promise((resolve) => {
      this.#waiting = () => resolve(null)
    })
  }
}

const never = new AbortController().signal

/** One character of the middle changed, as a rule: no number of a line. */
function edited(text: string): string {
  const at = Math.max(0, text.indexOf('x', text.length >> 1))
  return `${text.slice(0, at)}#${text.slice(at + 1)}`
}

const inodeOf = (path: string): bigint => statSync(path, { bigint: true }).ino

/** A real file and its model, and a real reader that has to send what the model's sends. */
export class World {
  readonly #root: string
  readonly #path: string
  readonly #volume: boolean
  readonly #directory = new ModelDirectory('input.txt')
  readonly #model = new ModelReader()
  readonly #clock = new LookClock()
  readonly #log = new RecordingLog()
  readonly #saved: { readonly real: Checkpoint; readonly model: ModelCheckpoint }[] = []
  readonly #ledger = new Ledger()
  #source: Source | null = null
  #read: Promise<SourceChunk | null> | null = null
  #splitter: LineSplitter | null = null
  #last: { file: string; end: number } | null = null
  #count = 0
  #sentAtSave = 0
  #version = 0

  /** `volume`: the file stands behind symbolic links, as in a ConfigMap volume. `place`: on which file system it all is. */
  constructor(volume: boolean, place: string) {
    this.#root = mkdtempSync(join(place, 'kedafn-model-'))
    this.#path = join(this.#root, 'input.txt')
    this.#volume = volume
    if (volume) symlinkSync(join('..data', 'input.txt'), this.#path)
    this.#place('')
  }

  async play(operations: readonly Operation[]): Promise<void> {
    try {
      await this.#start(null)
      for (const operation of operations) await this.#do(operation)
      await this.#look()
    } finally {
      await this.#source?.close()
      rmSync(this.#root, { recursive: true, force: true })
    }
  }

  async #do(operation: Operation): Promise<void> {
    switch (operation.op) {
      case 'append':
        return this.#append(this.#piece(operation.piece, operation.size))
      case 'rotate':
        return this.#rotate(operation.next, operation.late)
      case 'rewrite':
        if (operation.copy) this.#copy()
        return this.#rewrite(this.#rewritten(operation.to, operation.sameBegin))
      case 'rewrite unnoticed':
        return this.#rewriteUnnoticed()
      case 'remove':
        return this.#remove()
      case 'replace':
        return this.#replace(operation.by, operation.with)
      case 'look':
        return this.#look()
      case 'save':
        return this.#save()
      case 'restart':
        return this.#restart(operation.from)
    }
  }

  // --- what is done to the file

  #line(size: number): string {
    return `${this.#count++} ${'x'.repeat(size)}`
  }

  #piece(piece: (Operation & { op: 'append' })['piece'], size: number): string {
    if (piece === 'many') return Array.from({ length: 90 }, () => `${this.#line(size)}\n`).join('')
    return { line: () => `${this.#line(size)}\n`, part: () => this.#line(size), end: () => 'y\n', blank: () => '\n' }[
      piece
    ]()
  }

  get #text(): string {
    return this.#directory.named?.text ?? ''
  }

  #append(text: string): void {
    const file = this.#directory.named
    if (file) {
      appendFileSync(this.#path, text)
      file.text += text
    } else this.#place(text)
  }

  /** A new file gets the name, which is free, or swapped in a volume. */
  #place(text: string): void {
    if (this.#volume) {
      const [old, version] = [`..version-${this.#version}`, `..version-${++this.#version}`]
      mkdirSync(join(this.#root, version))
      writeFileSync(join(this.#root, version, 'input.txt'), text)
      symlinkSync(version, join(this.#root, '..data_tmp'))
      renameSync(join(this.#root, '..data_tmp'), join(this.#root, '..data'))
      rmSync(join(this.#root, old), { recursive: true, force: true })
    } else {
      writeFileSync(`${this.#path}.new`, text)
      renameSync(`${this.#path}.new`, this.#path)
    }
    this.#directory.create(text, inodeOf(this.#path))
    this.#ledger.began(text)
  }

  #rotate(next: string, late: boolean): void {
    const file = this.#directory.named
    if (!file || this.#volume) return
    const old = file.text
    const to = this.#freeName()
    renameSync(this.#path, join(this.#root, to))
    this.#directory.rename(to)
    if (late) {
      const text = `${this.#line(3)}\n`
      appendFileSync(join(this.#root, to), text)
      file.text += text
    }
    if (next === 'empty') this.#place('')
    else if (next === 'line') this.#place(`${this.#line(9)}\n`)
    else if (next === 'same begin') this.#place(`${old}${this.#line(9)}\n`)
  }

  /** Later ones come later in order. */
  #freeName(): string {
    return `${this.#directory.name}.${String(++this.#version).padStart(5, '0')}`
  }

  #copy(): void {
    const file = this.#directory.named
    if (!file || this.#volume) return
    const to = this.#freeName()
    copyFileSync(this.#path, join(this.#root, to))
    this.#directory.create(file.text, inodeOf(join(this.#root, to)), to)
  }

  #rewritten(to: string, sameBegin: boolean): string {
    const old = this.#text
    const begin = sameBegin ? old.slice(0, old.indexOf('\n') + 1) : ''
    const size = { empty: 0, smaller: old.length >> 1, 'same size': old.length, larger: old.length + 40 }[to] ?? 0
    if (size === 0) return ''
    const line = this.#line(0)
    // The number at the end too: the last KiB that was read must not come to stand there again by chance.
    return `${begin}${line}${'z'.repeat(Math.max(0, size - begin.length - 2 * line.length - 1))}${line}\n`
  }

  #rewrite(text: string): void {
    const file = this.#directory.named
    if (!file) return
    truncateSync(this.#path)
    appendFileSync(this.#path, text)
    file.text = text
    this.#ledger.began(text)
  }

  #rewriteUnnoticed(): void {
    const old = this.#text
    if (old.length < 1100) return
    this.#rewrite(`${this.#line(9).slice(0, old.length - 1050)}\n`.padEnd(old.length - 1030, '.') + old.slice(-1030))
    this.#ledger.unknowable(this.#count)
  }

  #remove(): void {
    if (!this.#directory.named || this.#volume) return
    rmSync(this.#path)
    this.#directory.remove()
  }

  #replace(by: 'rename' | 'delete', how: string): void {
    const old = this.#text
    const line = `${this.#line(9)}\n`
    const text = { added: old + line, edited: edited(old), other: line }[how]
    if (by === 'delete') this.#remove()
    this.#directory.remove()
    this.#place(text ?? old.slice(0, old.lastIndexOf('\n', old.length - 2) + 1))
  }

  // --- what the reader does

  get #files(): readonly ModelFile[] {
    return this.#volume ? [] : this.#directory.files
  }

  async #start(from: { real: Checkpoint; model: ModelCheckpoint } | null): Promise<void> {
    this.#model.start(this.#directory.named, this.#files, from?.model ?? null)
    const options = {
      path: this.#path,
      once: false,
      checkpoint: from?.real ?? null,
      clock: this.#clock,
      log: this.#log,
    }
    this.#source = await openTail({ ...options, rotateGraceMs: 0, maxReadBytes: 700, watch: false })
    this.#read = null
    this.#splitter = null
    this.#last = null
  }

  /** Reads until there is nothing more to read. */
  async #look(): Promise<void> {
    this.#clock.advance(1000)
    for (;;) {
      const idle = this.#clock.nextWait()
      this.#read ??= this.#source?.read(never) ?? null
      const chunk = await Promise.race([this.#read, idle])
      if (!chunk) break
      this.#read = null
      this.#take(chunk)
    }
    this.#model.look(this.#directory.named, this.#files)
    if (this.#ledger.exact) assert.deepEqual(this.#ledger.sent, this.#model.sent)
    this.#ledger.check(this.#text)
  }

  #take({ file, offset, bytes, last }: SourceChunk): void {
    this.#splitter ??= new LineSplitter(offset)
    for (const pieces of last ? [this.#splitter.push(bytes), this.#splitter.end()] : [this.#splitter.push(bytes)]) {
      for (const piece of pieces) {
        assert.equal(piece.kind, 'line')
        if (piece.kind !== 'line') continue
        this.#last = { file, end: piece.end }
        this.#ledger.take(`${file}:${piece.line.offset}`, piece.line.text)
      }
    }
    if (last) this.#splitter = null
  }

  async #save(): Promise<void> {
    const model = this.#model.checkpoint()
    if (!this.#last || !this.#source) return
    const real = await this.#source.checkpoint(this.#last.file, this.#last.end)
    if (model) this.#saved.push({ real, model })
    this.#sentAtSave = this.#ledger.sent.length
  }

  async #restart(from: 'last' | 'first' | 'nothing'): Promise<void> {
    await this.#source?.close()
    const checkpoint = { last: this.#saved.at(-1), first: this.#saved[0], nothing: undefined }[from] ?? null
    this.#ledger.restarted(from === 'last' && this.#sentAtSave === this.#ledger.sent.length, checkpoint === null)
    await this.#start(checkpoint)
  }
}
