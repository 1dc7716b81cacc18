// The whole of supabase-js against one address: signs in, listens, writes, reads, renews, leaves.
//
//   node supabase.mjs '{"url", "key", "email", "password", "webinar"}'
//
// Prints one JSON line a step, {"step", ...}, in this order; ends with a failure where one fails
// or takes longer than PATIENCE_MS.

import { createClient } from '@supabase/supabase-js'
import { recordedTransport } from './recording.mjs'

const PATIENCE_MS = 10_000
const { url, key, email, password, webinar } = JSON.parse(process.argv[2])
const heard = { system: [], change: [], status: [], auth: [], frame: [] }
let wake = () => {}

function hear(kind, what) {
  heard[kind].push(what)
  wake()
}

function say(step, result) {
  process.stdout.write(JSON.stringify({ step, ...result }) + '\n')
}

/** The next of a kind that nobody waited for yet. */
async function next(kind) {
  const deadline = Date.now() + PATIENCE_MS
  while (heard[kind].length === 0) {
    const left = deadline - Date.now()
    if (left <= 0) throw new Error(`no ${kind} came`)
    await new Promise((resolve) => {
      wake = resolve
      setTimeout(resolve, left).unref()
    })
  }
  return heard[kind].shift()
}

/** What a call answered, without its class and its function. */
function plain({ data, error }) {
  return { data, error: error && { code: error.code, message: error.message, status: error.status } }
}

const supabase = createClient(url, key, {
  auth: { persistSession: false, autoRefreshToken: false },
  realtime: { transport: recordedTransport((event) => hear('frame', event)) },
})
supabase.auth.onAuthStateChange((event) => hear('auth', event))

say('wrong password', plain(await supabase.auth.signInWithPassword({ email, password: 'wrong' })))
const signedIn = await supabase.auth.signInWithPassword({ email, password })
say('signed in', { user: signedIn.data.user, type: signedIn.data.session?.token_type })
say('user', plain(await supabase.auth.getUser()))

const where = { schema: 'public', table: 'messages', filter: `webinar_id=eq.${webinar}` }
const channel = supabase
  .channel(`webinar-${webinar}`)
  .on('postgres_changes', { event: '*', ...where }, (payload) => hear('change', payload))
  .on('system', {}, (payload) => hear('system', payload))
  .subscribe((status, error) => hear('status', error ? `${status}: ${error.message}` : status))
say('subscribed', { status: await next('status'), system: await next('system') })

const messages = () => supabase.from('messages')
const row = { webinar_id: webinar, client_msg_id: crypto.randomUUID(), body: 'hello' }
const inserted = await messages().insert(row).select().single()
say('inserted', { ...plain(inserted), asked: row, heard: await next('change') })
say('inserted twice', plain(await messages().insert(row).select().single()))

const { id } = inserted.data
const updated = await messages().update({ body: 'hello again' }).eq('id', id).select().single()
say('updated', { ...plain(updated), heard: await next('change') })

const before = messages().select('*').eq('webinar_id', webinar).gt('id', id - 1)
say('polled', plain(await before.order('id').limit(10)))
say('polled on', plain(await messages().select('id,body').eq('webinar_id', webinar).gt('id', id)))

// A token tells its age in whole seconds: one that is renewed within the same is the same token.
const { session } = signedIn.data
const nextSecond = (session.expires_at - session.expires_in + 1) * 1000
await new Promise((resolve) => setTimeout(resolve, nextSecond - Date.now()))
const refreshed = await supabase.auth.refreshSession()
say('refreshed', {
  ...{ error: refreshed.error?.message ?? null, system: await next('system') },
  renewed: refreshed.data.session.access_token !== session.access_token,
  rotated: refreshed.data.session.refresh_token !== session.refresh_token,
})

say('deleted', plain(await messages().delete().eq('id', id).select().single()))
say('left', { answer: await supabase.removeChannel(channel), status: await next('status') })
say('signed out', { ...(await supabase.auth.signOut()), events: heard.auth })
say('read by nobody', plain(await messages().select('*').eq('webinar_id', webinar)))
process.exit(0)
