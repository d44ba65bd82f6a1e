import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** A folder with programs that stand in for those of a machine, to be put into `PATH`. */
export class Programs {
  readonly folder: string
  readonly bin: string

  constructor(t: TestContext) {
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), 'kedafn-programs-')))
    this.bin = join(this.folder, 'bin')
    mkdirSync(this.bin)
    t.after(() => rmSync(this.folder, { recursive: true, force: true }))
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts)
  }

  /** A program as a shell script. `$folder` is this folder; each call is noted in `calls`. */
  add(name: string, body: string): void {
    const script = `#!/bin/sh\nfolder='${this.folder}'\necho "${name} $*" >> "$folder/calls"\n${body}\n`
    writeFileSync(join(this.bin, name), script)
    chmodSync(join(this.bin, name), 0o755)
  }

  /** An environment in which these programs come first. */
  get env(): Record<string, string> {
    return { PATH: `${this.bin}:/usr/sbin:/usr/bin:/sbin:/bin`, HOME: this.folder }
  }
}
