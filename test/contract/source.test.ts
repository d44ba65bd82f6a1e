import { appendFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { MemoryFile } from '../../runtime/doubles/source.ts'
import { openTail } from '../../runtime/files/tail.ts'
import type { Source } from '../../runtime/ports.ts'
import { systemClock } from '../../runtime/system/clock.ts'
import { RecordingLog, workspace } from '../files/workspace.ts'
import { type SourceFixture, sourceContract } from './source.contract.ts'

sourceContract('memory', (t, content) => {
  const file = new MemoryFile(content)
  const sources = closing(t)
  return {
    append: (more) => file.append(more),
    rotate: (fresh) => file.rotate(fresh),
    truncate: () => file.truncate(),
    source: async (options) => sources(file.source(options)),
  }
})

sourceContract('tail', (t, content): SourceFixture => {
  const path = join(workspace(t), 'input.txt')
  writeFileSync(path, content)
  let rotations = 0
  const sources = closing(t)
  return {
    append: (more) => appendFileSync(path, more),
    rotate(fresh) {
      renameSync(path, `${path}.${++rotations}`)
      writeFileSync(path, fresh)
    },
    truncate: () => truncateSync(path),
    async source({ once = false, checkpoint = null, ...rest } = {}) {
      const options = { path, once, checkpoint, ...rest, clock: systemClock, log: new RecordingLog() }
      return sources(await openTail({ ...options, rotateGraceMs: 20 }))
    },
  }
})

function closing(t: TestContext): (source: Source) => Source {
  const sources: Source[] = []
  t.after(async () => {
    for (const source of sources) await source.close()
  })
  return (source) => {
    sources.push(source)
    return source
  }
}
