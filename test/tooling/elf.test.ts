import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { hash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { stripElf } from '../../tooling/image/elf.ts'

const skip =
  process.platform !== 'linux'
    ? 'Node of this machine is no ELF file'
    : spawnSync('strip', ['--version']).error || spawnSync('readelf', ['--version']).error
      ? 'there is no strip and readelf here (Debian: apt-get install binutils)'
      : false

/** What a loader and a debugger see of an ELF file: each segment with its bytes, sections by name, dynamic symbols. */
function viewOf(path: string) {
  const file = readFileSync(path)
  const at = Number(file.readBigUInt64LE(32))
  const segments = Array.from({ length: file.readUInt16LE(56) }, (_, index) => {
    const header = file.subarray(at + index * 56, at + (index + 1) * 56)
    const offset = Number(header.readBigUInt64LE(8))
    // n.b. The first segment begins with the header, which says where the sections are: that may differ.
    const from = Math.max(offset, 64)
    const bytes = file.subarray(from, offset + Number(header.readBigUInt64LE(32)))
    return { header: header.toString('hex'), bytes: hash('sha256', bytes) }
  })
  const readelf = (option: string) =>
    execFileSync('readelf', [option, '--wide', path], { encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 })
  const sections = [...readelf('--section-headers').matchAll(/^ +\[ *\d+\] (\S+) +(\S+) +([0-9a-f]+) /gm)].map(
    ([, name, type, address]) => `${name} ${type} ${address}`,
  )
  // n.b. binutils leaves what compilers say of themselves, which nothing loads.
  const loaded = sections.filter((section) => !/^\.(?:comment|gnu\.build\.attributes) /.test(section))
  return { segments, sections: loaded, symbols: hash('sha256', readelf('--dyn-syms').trim()) }
}

test('our stripping leaves of Node what binutils leaves, and it runs', { skip }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'kedafn-elf-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const [ours, theirs] = [join(folder, 'ours'), join(folder, 'theirs')]
  const whole = readFileSync(process.execPath)
  const stripped = stripElf(whole)
  writeFileSync(ours, stripped, { mode: 0o755 })
  execFileSync('strip', ['-s', '-o', theirs, process.execPath])
  assert.ok(stripped.length < whole.length * 0.9, `${stripped.length} of ${whole.length} bytes are left`)
  assert.deepEqual(viewOf(ours), viewOf(theirs))
  assert.deepEqual(stripElf(stripped), stripped, 'there is nothing more to strip')
  const script = `process.stdout.write(new Intl.DateTimeFormat('de', { month: 'long' }).format(0) + process.version)`
  assert.equal(execFileSync(ours, ['--eval', script], { encoding: 'utf8' }), `Januar${process.version}`)
})

test('what is no ELF file is refused', () => {
  assert.throws(() => stripElf(Buffer.from('#!/bin/sh\n')), TypeError)
})
