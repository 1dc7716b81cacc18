// A genuine realtime-js on strings: does what the lines of standard input say, prints what happens.
//
//   node puppet.mjs PACKAGE      PACKAGE is an alias of package.json
//
// The vocabulary is that of ../puppet.py; the Python puppet speaks it too.

import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { recordedTransport } from './recording.mjs'

const { RealtimeClient } = createRequire(import.meta.url)(process.argv[2])
const clients = new Map()
const channels = new Map()

const say = (event) => process.stdout.write(JSON.stringify(event) + '\n')

const commands = {
  // All in one turn of the event loop, as a page does that mounts a component twice.
  at_once: ({ orders }) => Promise.all(orders.map(({ order, ...what }) => commands[order](what))),

  open({ client, url, key, token, heartbeat_ms, reconnect_ms }) {
    const options = {
      params: { apikey: key },
      transport: recordedTransport((event) => say({ client, ...event })),
      heartbeatCallback: (status) => say({ client, what: 'heartbeat', status }),
    }
    if (heartbeat_ms) options.heartbeatIntervalMs = heartbeat_ms
    if (reconnect_ms) options.reconnectAfterMs = () => reconnect_ms
    const one = new RealtimeClient(`${url}/realtime/v1`, options)
    clients.set(client, one)
    return token ? one.setAuth(token) : null
  },

  async close({ client }) {
    await clients.get(client).disconnect()
    clients.delete(client)
  },

  set_auth: ({ client, token }) => clients.get(client).setAuth(token),

  make({ client, channel, topic, config }) {
    channels.set(channel, clients.get(client).channel(topic, { config }))
  },

  listen({ channel, binding, type, ...filter }) {
    const one = channels.get(channel)
    const tell = (event) => say({ channel, ...event })
    if (type === 'presence') listenToPresence(one, tell)
    else one.on(type, filter, (payload) => tell(heard(type, binding, payload)))
  },

  subscribe({ channel }) {
    const one = channels.get(channel)
    one.on('system', {}, (payload) => say({ channel, what: 'system', payload }))
    one.subscribe((status, error) => say({ channel, what: 'status', status, error: words(error) }))
  },

  leave: ({ client, channel }) => clients.get(client).removeChannel(channels.get(channel)),

  send: ({ channel, event, payload }) =>
    channels.get(channel).send({ type: 'broadcast', event, payload }),

  send_bytes: ({ channel, event, bytes }) =>
    channels.get(channel).send({ type: 'broadcast', event, payload: Uint8Array.from(bytes).buffer }),

  http_send: ({ channel, event, payload }) => channels.get(channel).httpSend(event, payload),

  track: ({ channel, payload }) => channels.get(channel).track(payload),

  untrack: ({ channel }) => channels.get(channel).untrack(),
}

function heard(type, binding, payload) {
  if (type === 'postgres_changes') return { what: 'change', binding, payload }
  if (payload.payload instanceof ArrayBuffer) {
    payload = { ...payload, payload: { bytes: [...new Uint8Array(payload.payload)] } }
  }
  return { what: 'broadcast', binding, payload }
}

function listenToPresence(one, tell) {
  one.on('presence', { event: 'sync' }, () => tell({ what: 'sync', state: one.presenceState() }))
  one.on('presence', { event: 'join' }, ({ key, currentPresences, newPresences }) =>
    tell({ what: 'arrived', key, before: currentPresences, came: newPresences }),
  )
  one.on('presence', { event: 'leave' }, ({ key, currentPresences, leftPresences }) =>
    tell({ what: 'gone', key, after: currentPresences, went: leftPresences }),
  )
}

function words(error) {
  if (error === undefined || error === null) return null
  return error.message ?? String(error)
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, order, ...what } = JSON.parse(line)
  // Not awaited here: what one order waits for may be what a later one does.
  Promise.resolve()
    .then(() => commands[order](what))
    .then(
      (value) => say({ answer: id, value: value ?? null }),
      (error) => say({ answer: id, error: words(error) }),
    )
}
process.exit(0)
