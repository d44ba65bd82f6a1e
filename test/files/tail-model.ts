/** A file of the model. Its identity is that of an open file. */
export interface ModelFile {
  text: string
  /** What a checkpoint knows it by. A file system gives the inode of a file that is gone to another one, and mostly to the next. */
  readonly inode: bigint
  /** Its name in the directory; null once it is deleted. */
  name: string | null
}

/** A content that a reader reads or has read: its lines have consecutive offsets and one name. */
interface ModelContent {
  file: ModelFile
  /** All that was read of it. */
  read: string
  overwritten: boolean
}

export interface ModelCheckpoint {
  readonly file: ModelFile
  readonly read: string
  /** False if the file did not hold any more what was read when the checkpoint was taken. */
  readonly valid: boolean
}

/** So much of what was read is compared at every look. */
const recentLength = 1024

/** What the reader of a file must send: the rules of `docs/reference/tail.md` over strings. */
export class ModelReader {
  readonly sent: string[] = []
  #queue: ModelContent[] = []
  #open = ''
  #pending: ModelCheckpoint | null = null
  #last: { readonly content: ModelContent; readonly end: number } | null = null
  /** Files that were read to their end, with what they held then. */
  #done = new Map<ModelFile, string>()

  /** Begins to read, or again after a restart. `files` is what stands in the directory, `named` what the name stands for. */
  start(named: ModelFile | null, files: readonly ModelFile[], checkpoint: ModelCheckpoint | null): void {
    this.#open = ''
    this.#last = null
    this.#done = new Map()
    this.#queue = this.#resume(named, files, checkpoint)
    this.#pending = this.#queue.length === 0 ? checkpoint : null
  }

  look(named: ModelFile | null, files: readonly ModelFile[]): void {
    if (named && this.#pending) {
      this.#queue = this.#resume(named, files, this.#pending)
      this.#pending = null
    }
    if (named && !this.#queue.some(({ file }) => file === named)) this.#queue.push(begun(named))
    for (;;) {
      if (!this.#queue[0]) return
      this.#read(this.#queue[0], files)
      const [current, next] = this.#queue
      if (!current || !next) return
      this.#moveOn(current, next)
    }
  }

  /** The checkpoint after the last line that was sent since the start. */
  checkpoint(): ModelCheckpoint | null {
    if (!this.#last) return null
    const { content, end } = this.#last
    return { file: content.file, read: content.read.slice(0, end), valid: !content.overwritten && holds(content) }
  }

  #resume(named: ModelFile | null, files: readonly ModelFile[], checkpoint: ModelCheckpoint | null): ModelContent[] {
    const current = named ? [begun(named)] : []
    if (!checkpoint) return current
    const { read, valid } = checkpoint
    const { inode } = checkpoint.file
    const goesOn = (candidate: ModelFile) => valid && read !== '' && candidate.text.startsWith(read)
    const at = (candidate: ModelFile): ModelContent => ({ file: candidate, read, overwritten: false })
    const rotated = named?.inode === inode ? undefined : files.find((file) => file.inode === inode && goesOn(file))
    if (rotated) return [at(rotated), ...current]
    if (named && goesOn(named)) return [at(named)]
    const copy = valid ? copyOf(inode, read, files) : null
    return copy ? [at(copy), ...current] : current
  }

  #read(content: ModelContent, files: readonly ModelFile[]): void {
    if (!holds(content)) {
      const unread = files.filter((file) => this.#done.get(file) !== file.text)
      const copy = copyOf(content.file.inode, content.read, unread)
      content.overwritten = true
      if (copy) this.#queue.splice(0, 1, { file: copy, read: content.read, overwritten: false }, begun(content.file))
      else {
        this.#finish(content)
        this.#queue[0] = begun(content.file)
      }
      this.#read(this.#queue[0] as ModelContent, files)
      return
    }
    const fresh = content.file.text.slice(content.read.length)
    const lines = (this.#open + fresh).split('\n')
    let end = content.read.length - this.#open.length
    this.#open = lines.pop() as string
    content.read += fresh
    for (const line of lines) {
      end += line.length + 1
      this.#send(line, content, end)
    }
  }

  #moveOn(content: ModelContent, next: ModelContent): void {
    this.#queue.shift()
    if (content.file.name === null && content.read !== '' && next.file.text.startsWith(content.read)) {
      content.file = next.file
      this.#queue[0] = content
    } else {
      this.#done.set(content.file, content.read)
      this.#finish(content)
    }
  }

  #finish(content: ModelContent): void {
    if (this.#open !== '') this.#send(this.#open, content, content.read.length)
    this.#open = ''
  }

  #send(line: string, content: ModelContent, end: number): void {
    this.sent.push(line)
    this.#last = { content, end }
  }
}

const begun = (file: ModelFile): ModelContent => ({ file, read: '', overwritten: false })

function holds({ file, read }: ModelContent): boolean {
  const from = Math.max(0, read.length - recentLength)
  return file.text.slice(from, read.length) === read.slice(from)
}

/** The newest file that begins with all that was read of another, and has more. */
const copyOf = (original: bigint, read: string, files: readonly ModelFile[]): ModelFile | null =>
  files
    .filter((file) => file.inode !== original && file.name?.startsWith('input.txt.'))
    .filter(({ text }) => read.length >= recentLength && text.length > read.length && text.startsWith(read))
    .sort((a, b) => (`${a.name}` < `${b.name}` ? 1 : -1))[0] ?? null

/** What the directory of a file looks like, kept beside the real one. */
export class ModelDirectory {
  readonly name: string
  readonly files: ModelFile[] = []

  constructor(name: string) {
    this.name = name
  }

  get named(): ModelFile | null {
    return this.files.find(({ name }) => name === this.name) ?? null
  }

  create(text: string, inode: bigint, name = this.name): void {
    this.files.push({ text, inode, name })
  }

  rename(to: string): void {
    if (this.named) this.named.name = to
  }

  remove(): void {
    const file = this.named
    if (!file) return
    file.name = null
    this.files.splice(this.files.indexOf(file), 1)
  }
}
