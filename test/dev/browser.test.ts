import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import axe from 'axe-core'
import type { Page } from 'playwright-core'
import { servePage } from '../../dev/page-server.ts'
import { openChromium } from '../support/chromium.ts'
import { slowCopy } from './slow-copy.ts'
import { noneLeft, Started } from './started.ts'

const poll = { interval: 100, timeout: 60_000 }

/** The page of a run in a browser, with what it asked for and what it complained of. */
async function openPage(t: TestContext, url: string, viewport = { width: 1280, height: 900 }) {
  const browser = await openChromium(t)
  // n.b. the accessibility checker comes from outside; that the page allows no such script is looked at elsewhere.
  const context = await browser.newContext({ viewport, bypassCSP: true })
  const page = await context.newPage()
  const complaints: string[] = []
  const asked: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('request', (request) => asked.push(request.url()))
  await page.goto(url)
  const shows = (selector: string, pattern: RegExp) =>
    t.waitFor(async () => assert.match((await page.textContent(selector)) ?? '', pattern), poll)
  return { page, complaints, asked, shows }
}

interface Violation {
  readonly id: string
  readonly impact: string
  readonly nodes: readonly { readonly html: string }[]
}

async function seriousProblems(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source)
  const violations = (await page.evaluate('axe.run().then(({ violations }) => violations)')) as readonly Violation[]
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}

/** Both widths in the light and in the dark: nothing scrolls sideways, and nobody is kept out. */
async function isForEverybody(page: Page): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 900 })
      assert.equal(
        await page.evaluate('document.documentElement.scrollWidth'),
        width,
        `it scrolls sideways at ${width}`,
      )
      assert.deepEqual(await seriousProblems(page), [], `${colorScheme}, ${width}`)
    }
  }
}

/** What of the first chart's canvas is drawn. */
const picture = (page: Page): Promise<string> => page.evaluate('document.querySelector("canvas").toDataURL()')

test('in a browser: lines dropped take replicas from 0 to N to 0, and neither a kill nor a broken network nor a stopped broker loses one', async (t) => {
  const repository = slowCopy(t, { value: 300, msPerLine: 0 })
  repository.write('input.txt', 'the first\n')
  const started = new Started(t, repository, { args: ['--fast', '20'] })
  await started.printed(/^page http/m)
  const url = /^page (\S+)$/m.exec(started.out)?.[1] ?? ''
  const { page, complaints, asked, shows } = await openPage(t, url)
  await shows('#connection', /^live$/)
  await shows('#tile-replicas', /^0$/)
  const empty = await picture(page)

  await page.fill('#delay', '10')
  await page.click('#form-delay button')
  await shows('#answer', /^handlers take 10 ms more for each message$/)
  await page.fill('#count', '1000')
  await page.click('#form-lines button')
  await shows('#tile-replicas', /^[2-9]$/)
  assert.notEqual(await picture(page), empty, 'the charts stand still')
  // Whoever is slow to look must not find that all of it is done and asleep.
  await page.click('#pause')
  await shows('#pause', /^Resume scaling$/)
  await page.click('#processes li:nth-child(2) button')
  await shows('#events', /was killed \(SIGKILL\)/)
  await page.click('#network')
  await shows('#network', /^The network is broken/)
  // It is broken again as long as nobody has seen what it does: a slow machine may miss ten seconds.
  await t.waitFor(async () => {
    if (await page.isEnabled('#network')) await page.click('#network')
    assert.match((await page.textContent('#processes')) ?? '', /not ready/)
  }, poll)
  await page.click('#broker')
  await shows('#broker', /^Start the broker$/)
  await shows('#tile-backlog', /^\?$/)
  await page.click('#broker')
  await shows('#broker', /^Stop the broker$/)
  await isForEverybody(page)
  await shows('#network', /^Break the network for 10 s$/)
  await page.click('#pause')
  await shows('#pause', /^Pause scaling$/)

  await shows('#verdict', /^Nothing is lost: all 1,001 confirmed lines are in output\.txt[.;]/)
  await shows('#events', /nothing is lost/)
  await shows('#tile-replicas', /^0$/)
  await shows('#processes', /gone/)
  await shows('#ledger', /sent1,001confirmed1,001ready0in hand0to retry0dead0/)
  assert.deepEqual(
    new Set(repository.read('output.txt').split('\n')),
    new Set(repository.read('input.txt').split('\n')),
  )
  assert.deepEqual(complaints, [])
  assert.deepEqual(
    asked.filter((one) => !one.startsWith(url)),
    [],
    'it works without internet',
  )
  started.child.kill('SIGTERM')
  await started.endsWith(0)
  await shows('#connection', /^npm start does not answer$/)
  await noneLeft(t, repository)
})

test('a page of somebody else can neither read it nor act, whatever it tries', async (t) => {
  const acted: unknown[] = []
  const own = await servePage({
    watch(watcher) {
      watcher({ kind: 'event', event: { atMs: 1, kind: 'action', text: 'a secret' } })
      return () => {}
    },
    actions: { note: (body) => `${acted.push(body)}` },
  })
  t.after(() => own.close())
  const port = new URL(own.url).port
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<title>evil</title>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const browser = await openChromium(t)
  const page = await browser.newPage()
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  for (const target of [own.url, `http://localhost:${port}/`]) {
    const tried = await page.evaluate(`(async () => {
      const outcome = (promise) => promise.then(() => 'answered', () => 'refused')
      const headers = { 'x-kedafn-token': '0'.repeat(32) }
      return [
        await outcome(fetch('${target}').then((response) => response.text())),
        await outcome(fetch('${target}note', { method: 'POST', headers, body: '{}' })),
        await outcome(fetch('${target}note', { method: 'POST', mode: 'no-cors', body: '{}' }).then(() => Promise.reject())),
        await outcome(new Promise((resolve, reject) => {
          const source = new EventSource('${target}events')
          source.onopen = resolve
          source.onerror = reject
        })),
      ]
    })()`)
    assert.deepEqual(tried, ['refused', 'refused', 'refused', 'refused'], target)
  }
  assert.deepEqual(acted, [])
})
