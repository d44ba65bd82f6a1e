import { Chart, count } from './chart.js'

const token = document.querySelector('meta[name=kedafn-token]').content
const element = (id) => document.getElementById(id)

let facts = { functions: [], fast: 1, absent: { broker: null, network: null } }
let state = { paused: false, delayMs: 0, broker: 'running', networkBroken: false, verdict: null, reasons: {} }
let samples = []
let chosen = null

const keptSamples = 1800
const shownEvents = 200
const shownLines = 3

const consumers = () => facts.functions.filter(({ kind }) => kind === 'consumer')
const of = (pick) => (sample) => {
  const one = sample.functions[chosen]
  return one ? pick(one) : null
}
const backlogOf = ({ ready, unacked }) => (ready === null ? null : ready + unacked)
const perReplica = () => facts.functions.find(({ name }) => name === chosen)?.messagesPerReplica ?? null
const seconds = (ms) => (ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${count(ms / 1000)} s`)
const all = (key) => (sample) => Object.values(sample.functions).reduce((sum, one) => sum + one[key], 0)

const holder = element('charts')
const charts = [
  new Chart(holder, 'Backlog', [
    { label: 'messages', colour: 'blue', of: of(backlogOf) },
    {
      label: 'what the replicas are for',
      colour: 'amber',
      dashed: true,
      step: true,
      of: of(({ desired }) => (perReplica() === null ? null : desired * perReplica())),
    },
  ]),
  new Chart(holder, 'Replicas', [
    { label: 'desired', colour: 'amber', dashed: true, step: true, of: of(({ desired }) => desired) },
    { label: 'ready', colour: 'green', step: true, of: of(({ readyPods }) => readyPods) },
    { label: 'draining', colour: 'violet', step: true, of: of(({ draining }) => draining) },
  ]),
  new Chart(holder, 'Throughput', [
    { label: 'lines/s written', colour: 'blue', of: ({ linesPerSecond }) => linesPerSecond },
  ]),
  new Chart(holder, 'Latency, in seconds', [
    {
      label: 'from confirmed to written',
      colour: 'violet',
      of: ({ waitedMs }) => (waitedMs === null ? null : waitedMs / 1000),
      shown: (value) => value.toFixed(1),
    },
  ]),
  new Chart(holder, 'Trouble', [
    { label: 'retries', colour: 'amber', step: true, of: all('retried') },
    { label: 'dead letters', colour: 'red', step: true, of: all('dead') },
    { label: 'restarts', colour: 'violet', step: true, of: all('restarts') },
  ]),
]

/** The time shown: as much as there is, up to what was chosen, and a minute at least. */
function shownSeconds() {
  const there = ((samples.at(-1)?.atMs ?? 0) - (samples[0]?.atMs ?? 0)) / 1000
  return Math.min(Number(element('span').value), Math.max(60, there))
}

function draw() {
  const last = samples.at(-1)
  if (!last) return
  const spanSeconds = shownSeconds()
  for (const chart of charts) chart.draw(samples, spanSeconds)
  const now = last.functions[chosen]
  if (!now) return
  const backlog = backlogOf(now)
  element('tile-backlog').textContent = backlog === null ? '?' : count(backlog)
  const each = perReplica()
  element('tile-target').textContent =
    backlog === null ? 'the broker does not answer' : each === null ? 'messages' : `one replica for each ${count(each)}`
  element('tile-replicas').textContent = count(now.desired)
  const draining = now.draining > 0 ? `, ${now.draining} draining` : ''
  element('tile-pods').textContent = `${now.readyPods} ready${draining}`
  element('tile-rate').textContent = count(last.linesPerSecond)
  const waited = samples.findLast(({ waitedMs }) => waitedMs !== null)?.waitedMs
  element('tile-wait').textContent = waited === undefined ? '' : `${seconds(waited)} from confirmed to written`
  element('tile-written').textContent = count(last.written)
  element('tile-confirmed').textContent = `of ${count(last.confirmed)} confirmed`
  ledger(last, now)
}

function ledger(sample, now) {
  const rows = [
    ['sent', sample.sent],
    ['confirmed', sample.confirmed],
    ['ready', now.ready ?? '?'],
    ['in hand', now.unacked],
    ['to retry', now.retrying],
    ['dead', now.dead],
    ['written', sample.written],
  ]
  const box = element('ledger')
  box.replaceChildren(
    ...rows.map(([name, value]) => {
      const pair = document.createElement('div')
      const term = document.createElement('dt')
      const data = document.createElement('dd')
      term.textContent = name
      data.textContent = typeof value === 'number' ? count(value) : value
      pair.append(term, data)
      return pair
    }),
  )
}

function showReasons() {
  const { keda, hpa } = state.reasons[chosen] ?? {}
  element('why-keda').textContent = keda ?? '–'
  element('why-hpa').textContent = hpa ?? '–'
}

/** One line of a log in a person's words. */
function readable(line) {
  try {
    const { time, level, message, function: _name, ...fields } = JSON.parse(line)
    const rest = Object.entries(fields).map(
      ([key, value]) => `${key}: ${typeof value === 'object' ? (value?.message ?? JSON.stringify(value)) : value}`,
    )
    return `${String(time).slice(11, 19)} ${level} ${message}${rest.length > 0 ? ` (${rest.join(', ')})` : ''}`
  } catch {
    return line
  }
}

const rows = new Map()

function rowOf(name) {
  const known = rows.get(name)
  if (known) return known
  const item = document.createElement('li')
  item.className = 'process'
  const head = document.createElement('div')
  head.className = 'head'
  const parts = {}
  for (const part of ['name', 'state', 'facts']) {
    parts[part] = document.createElement('span')
    parts[part].className = part
    head.append(parts[part])
  }
  const kill = document.createElement('button')
  kill.type = 'button'
  kill.textContent = 'Kill'
  kill.setAttribute('aria-label', `Kill ${name}`)
  kill.addEventListener('click', () => void act('kill', { name }))
  head.append(kill)
  const log = document.createElement('pre')
  item.append(head, log)
  const row = { item, ...parts, kill, log }
  rows.set(name, row)
  return row
}

function showProcesses(processes) {
  const list = element('processes')
  const names = new Set(processes.map(({ name }) => name))
  for (const [name, { item }] of rows) {
    if (names.has(name)) continue
    item.remove()
    rows.delete(name)
  }
  for (const [index, one] of processes.entries()) {
    const row = rowOf(one.name)
    row.name.textContent = one.name
    row.state.textContent = one.state
    row.state.className = `state ${one.state}`
    const told = [
      one.pid === null ? 'no process' : `pid ${one.pid}`,
      ...(one.ageMs === null ? [] : [`${count(one.ageMs / 1000)} s old`]),
      `${count(one.done)} done`,
      ...(one.holds > 0 ? [`holds ${count(one.holds)}`] : []),
      ...(one.restarts > 0 ? [`${one.restarts} restart${one.restarts === 1 ? '' : 's'}`] : []),
    ]
    row.facts.textContent = told.join(', ')
    row.kill.disabled = one.pid === null
    row.log.textContent = one.log.slice(-shownLines).map(readable).join('\n')
    if (list.children[index] !== row.item) list.insertBefore(row.item, list.children[index] ?? null)
  }
}

function showEvent({ atMs, kind, text }) {
  const item = document.createElement('li')
  item.className = kind
  const time = document.createElement('time')
  time.textContent = new Date(atMs).toLocaleTimeString('en-GB')
  const words = document.createElement('span')
  words.textContent = text
  item.append(time, words)
  const list = element('events')
  list.prepend(item)
  while (list.children.length > shownEvents) list.lastChild.remove()
}

function begin(hello) {
  facts = hello.facts
  samples = [...hello.samples]
  element('events').replaceChildren()
  for (const event of hello.events) showEvent(event)
  const select = element('function')
  select.replaceChildren(
    ...consumers().map(({ name, queue, scaled }) => {
      const option = document.createElement('option')
      option.value = name
      option.textContent = `${name} (queue ${queue}${scaled ? '' : ', not scaled'})`
      return option
    }),
  )
  if (!consumers().some(({ name }) => name === chosen)) chosen = consumers()[0]?.name ?? null
  select.value = chosen ?? ''
  const pace = facts.fast === 1 ? '' : ` Scaling goes ${facts.fast} times as fast as in a cluster.`
  element('about').textContent = `${facts.input} → ${facts.output}, broker ${facts.broker}.${pace}`
  element('pause').disabled = !facts.functions.some(({ scaled }) => scaled)
  for (const button of ['broker', 'network']) {
    const why = element(`${button}-why`)
    why.textContent = facts.absent[button] ?? ''
    why.hidden = facts.absent[button] === null
  }
  draw()
}

const receive = {
  hello: begin,
  sample({ sample }) {
    samples.push(sample)
    if (samples.length > keptSamples) samples.shift()
    draw()
  },
  processes: ({ processes }) => showProcesses(processes),
  event: ({ event }) => showEvent(event),
  state(message) {
    const delayed = message.state.delayMs !== state.delayMs
    state = message.state
    element('pause').setAttribute('aria-pressed', String(state.paused))
    element('pause').textContent = state.paused ? 'Resume scaling' : 'Pause scaling'
    if (delayed) element('delay').value = state.delayMs
    showTroubles()
    showReasons()
  },
}

const brokerWords = {
  running: 'Stop the broker',
  stopping: 'The broker stops …',
  stopped: 'Start the broker',
  starting: 'The broker starts …',
}

/** What a person broke, and whether anything was lost by it. */
function showTroubles() {
  const { broker, networkBroken, verdict } = state
  const button = element('broker')
  button.textContent = brokerWords[broker]
  button.disabled = facts.absent.broker !== null || broker === 'stopping' || broker === 'starting'
  button.classList.toggle('on', broker !== 'running')
  const network = element('network')
  network.textContent = networkBroken ? 'The network is broken …' : 'Break the network for 10 s'
  network.disabled = facts.absent.network !== null || networkBroken
  network.classList.toggle('on', networkBroken)
  const told = element('verdict')
  told.textContent =
    verdict === null ? 'Lines are on their way; the files are compared at rest.' : sentence(verdict.text)
  told.className = verdict === null || verdict.lost === null ? '' : verdict.lost === 0 ? 'sound' : 'lost'
}

const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}.`

async function act(name, body) {
  const answer = element('answer')
  try {
    const response = await fetch(`/${name}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-kedafn-token': token },
      body: JSON.stringify(body),
    })
    answer.textContent = (await response.text()).trim()
    answer.className = response.ok ? '' : 'refused'
    return response.ok
  } catch {
    answer.textContent = 'npm start does not run any more'
    answer.className = 'refused'
    return false
  }
}

const submits = (id, run) =>
  element(id).addEventListener('submit', (event) => {
    event.preventDefault()
    void run()
  })
submits('form-lines', () => act('lines', { count: Number(element('count').value) }))
submits('form-delay', () => act('delay', { ms: Number(element('delay').value) }))
element('pause').addEventListener('click', () => void act('pause', { paused: !state.paused }))
element('broker').addEventListener('click', () => void act('broker', { running: state.broker === 'stopped' }))
element('network').addEventListener('click', () => void act('network', {}))
submits('form-paste', async () => {
  if (await act('lines', { text: element('paste').value })) element('paste').value = ''
})
element('span').addEventListener('change', draw)
element('function').addEventListener('change', (event) => {
  chosen = event.target.value
  showReasons()
  draw()
})
// What scrolls has to be within reach of the keyboard.
element('log').tabIndex = 0
window.addEventListener('resize', draw)
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw)

const source = new EventSource('/events')
const connection = element('connection')
source.addEventListener('open', () => {
  connection.textContent = 'live'
  connection.className = ''
})
source.addEventListener('error', () => {
  connection.textContent = 'npm start does not answer'
  connection.className = 'away'
})
source.addEventListener('message', ({ data }) => {
  const message = JSON.parse(data)
  receive[message.kind]?.(message)
})
