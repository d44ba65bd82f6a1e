import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { adviceFor, provideChromium } from '../support/chromium.ts'
import { Programs } from './programs.ts'

function bare(t: TestContext) {
  const programs = new Programs(t)
  const said: string[] = []
  const provide = (mayInstall: boolean) =>
    provideChromium({
      env: { PATH: programs.bin },
      folder: programs.path('state'),
      say: (line) => void said.push(line),
      signal: new AbortController().signal,
      mayInstall,
      applications: programs.path('Applications'),
    })
  return { programs, said, provide }
}

test('a machine without a browser gets Debian’s, said in one line, where that may be installed', async (t) => {
  const { programs, said, provide } = bare(t)
  programs.add('apt-get', 'exit 0')
  programs.add('sh', 'exec /bin/sh "$@"')
  await provide(true)
  const calls = readFileSync(programs.path('calls'), 'utf8').split('\n')
  assert.ok(calls.some((call) => /^apt-get install -y .*--no-install-recommends chromium$/.test(call)))
  assert.match(
    said.join('\n'),
    /^Chromium.* is missing: installing Debian's package chromium \(log: .*chromium\.log\)$/,
  )
})

test('elsewhere the tests of the page fail with the one command that helps, and are never passed over', async (t) => {
  await assert.rejects(bare(t).provide(false), (error: Error) => error.message === adviceFor(process.platform))
  for (const [platform, command] of [
    ['linux', 'apt-get install -y chromium'],
    ['darwin', 'brew install --cask google-chrome'],
  ] as const) {
    assert.match(adviceFor(platform), new RegExp(command))
    assert.doesNotMatch(adviceFor(platform), /\n/)
  }
})

test('a browser that is there is taken as it is', async (t) => {
  const { programs, said, provide } = bare(t)
  programs.add('google-chrome', 'exit 0')
  await provide(false)
  assert.deepEqual(said, [])
})
