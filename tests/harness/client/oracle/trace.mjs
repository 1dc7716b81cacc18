// Plays timed scenarios into a genuine realtime-js under a fake clock, a fake WebSocket and a fake
// page, and prints what the library did. Nothing here takes real time or touches a network.
//
//   node trace.mjs PACKAGE VERSION SCENARIOS.json [AUTH] < /dev/null > TRACE.json
//
// PACKAGE is a folder that holds realtime-js (its package.json says VERSION, or this stops). AUTH is
// one that holds auth-js; scenarios with `token_ends_s` play the two together, wired as supabase-js
// does it.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join, resolve } from "node:path";

const [given, version, scenariosPath, givenAuth] = process.argv.slice(2);
const folder = resolve(given);
const authFolder = givenAuth && resolve(givenAuth);
const packageJson = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
if (packageJson.version !== version) {
  throw new Error(`${folder} holds ${packageJson.version} and not ${version}`);
}

// -- the clock: whole milliseconds; timers of one moment run in the order they were made ---------

const afterMicrotasks = ((setImmediate) => () => new Promise((done) => setImmediate(done)))(
  globalThis.setImmediate,
);
let nowMs = 0;
let timers = new Map();
let lastTimer = 0;

function addTimer(run, waitMs, everyMs) {
  lastTimer += 1;
  timers.set(lastTimer, { dueMs: nowMs + Math.max(0, waitMs ?? 0), run, everyMs });
  return lastTimer;
}
globalThis.setTimeout = (run, waitMs, ...args) => addTimer(() => run(...args), waitMs);
globalThis.setInterval = (run, everyMs, ...args) => addTimer(() => run(...args), everyMs, everyMs);
globalThis.clearTimeout = globalThis.clearInterval = (timer) => timers.delete(timer);
Date.now = () => nowMs;

async function runUntil(endMs) {
  for (;;) {
    let next = null;
    for (const [key, timer] of timers) {
      if (timer.dueMs <= endMs && (next === null || timer.dueMs < timers.get(next).dueMs)) {
        next = key;
      }
    }
    if (next === null) break;
    const timer = timers.get(next);
    timers.delete(next);
    nowMs = timer.dueMs;
    if (timer.everyMs !== undefined) {
      timers.set(next, { ...timer, dueMs: nowMs + timer.everyMs });
    }
    timer.run();
    await afterMicrotasks();
  }
  nowMs = endMs;
}

// -- the page: what the library listens to ------------------------------------------------------

// A worker that counts, or one that the page's policy forbids.
let workerWorks = true;
const WORKER_FAILS_AFTER_MS = 8;
globalThis.Worker = class {
  constructor() {
    if (!workerWorks) setTimeout(() => this.onerror?.({ type: "error" }), WORKER_FAILS_AFTER_MS);
  }

  postMessage({ event, interval }) {
    if (event !== "start" || !workerWorks) return;
    const message = { data: { event: "keepAlive" } };
    this.interval = setInterval(() => this.onmessage?.(message), interval);
  }

  terminate() {
    clearInterval(this.interval);
  }
};

let listeners = [];
globalThis.document = { visibilityState: "visible", addEventListener() {} };
globalThis.window = {
  addEventListener: (type, listener) => listeners.push({ type, listener }),
  removeEventListener() {},
  document: globalThis.document,
  location: { href: "http://host/" },
  Worker: globalThis.Worker,
};
delete globalThis.BroadcastChannel; // one tab

function happens(type) {
  for (const one of [...listeners]) if (one.type === type) one.listener({ type });
}

// -- the network --------------------------------------------------------------------------------

let trace = [];
let sockets = [];
let sent = [];
let line = {};
let refs = new Map();

/** 1, 2, 3 … in the order in which a scenario's frames first use a reference. */
function relative(ref) {
  if (ref === null || ref === undefined || ref === "") return ref ?? null;
  if (!refs.has(ref)) refs.set(ref, refs.size + 1);
  return refs.get(ref);
}

/** What the server answers to this join: the bindings asked for, or as the line says, others. */
function joinReply(payload) {
  if ((line.join_status ?? "ok") !== "ok") return { status: "error", response: { reason: "no" } };
  const asked = payload.config.postgres_changes.map((one, i) => ({ ...one, id: i + 1 }));
  const bindings = {
    same: asked,
    other: asked.map((one) => ({ ...one, filter: `${one.filter}0` })),
    fewer: [],
    null: null,
    none: undefined,
    more: [...asked, { id: 9, event: "DELETE", schema: "public", table: "messages" }],
  }[line.bindings ?? "same"];
  return { status: "ok", response: { postgres_changes: bindings } };
}

class FakeWebSocket {
  constructor(url) {
    this.number = sockets.push(this);
    this.readyState = 0;
    this.bufferedAmount = 0;
    this.wasOpen = false;
    const { pathname, search } = new URL(url);
    trace.push([nowMs, "socket", this.number, pathname + search]);
    const { opens_after_ms: opensMs, refuses_after_ms: refusesMs } = line;
    if (opensMs !== undefined) setTimeout(() => this.opens(), opensMs);
    if (refusesMs !== undefined) setTimeout(() => this.ends(1006, ""), refusesMs);
  }

  opens() {
    if (this.readyState !== 0) return;
    this.readyState = 1;
    this.wasOpen = true;
    this.onopen?.({ type: "open" });
  }

  /** A socket that never opened fires `error` before `close`, as in browsers. */
  ends(code, reason) {
    if (this.readyState === 3) return;
    this.readyState = 3;
    if (!this.wasOpen) this.onerror?.({ type: "error" });
    this.onclose?.({ type: "close", code, reason });
  }

  send(data) {
    if (this.readyState === 0) throw new Error("InvalidStateError");
    if (this.readyState !== 1) return;
    const [joinRef, ref, topic, event, payload] = JSON.parse(data);
    sent.push({ joinRef, ref, topic, event });
    trace.push([
      nowMs,
      "frame",
      this.number,
      event,
      topic,
      relative(joinRef),
      relative(ref),
      payload.access_token ?? null,
    ]);
    const waitMs = { phx_join: line.join_after_ms, heartbeat: line.beat_after_ms }[event];
    if (waitMs !== undefined) {
      const reply = event === "phx_join" ? joinReply(payload) : { status: "ok", response: {} };
      setTimeout(() => this.receives([joinRef, ref, topic, "phx_reply", reply]), waitMs);
    }
  }

  receives(frame) {
    if (this.readyState === 1) this.onmessage?.({ data: JSON.stringify(frame) });
  }

  close(code, reason) {
    if (this.readyState >= 2) return;
    this.readyState = 2;
    trace.push([nowMs, "close", this.number, code ?? null, reason ?? ""]);
    if (line.closes_after_ms !== undefined) {
      setTimeout(() => this.ends(code ?? 1005, ""), line.closes_after_ms);
    }
  }
}

// -- auth-js, and how supabase-js joins the two -------------------------------------------------

let tokens = 0;

/** Auth, as `line` has it: answers after a while, breaks the connection, or says nothing. */
function fetchOfAuth(_url, { body }) {
  trace.push([nowMs, "refresh", JSON.parse(body).refresh_token]);
  const { auth_after_ms: afterMs, auth_status: status = 200, ...then } = line;
  return new Promise((answer, fail) => {
    if (afterMs === undefined) return;
    setTimeout(() => {
      if (status === 0) return fail(new TypeError("Failed to fetch"));
      tokens += 1;
      const session = {
        access_token: `token-${tokens}`,
        refresh_token: `refresh-${tokens}`,
        expires_in: then.auth_lifetime_s ?? 3600,
        expires_at: Math.floor(nowMs / 1000) + (then.auth_lifetime_s ?? 3600),
      };
      answer({
        ok: status >= 200 && status < 300,
        status,
        statusText: "",
        headers: { get: () => "2024-01-01" },
        json: async () => JSON.parse(then.auth_body ?? JSON.stringify(session)),
      });
    }, afterMs);
  });
}

function authOf(endsS) {
  const kept = new Map();
  const first = { access_token: "first", refresh_token: "refresh-0", expires_at: endsS, user: {} };
  kept.set("session", JSON.stringify(first));
  const { GoTrueClient } = createRequire(join(authFolder, "package.json"))(authFolder);
  tokens = 0;
  return new GoTrueClient({
    url: "http://host/auth/v1",
    storageKey: "session",
    storage: {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => kept.set(key, value),
      removeItem: (key) => kept.delete(key),
    },
    autoRefreshToken: true,
    persistSession: true,
    detectSessionInUrl: false,
    fetch: fetchOfAuth,
  });
}

/** `SupabaseClient._getAccessToken`. */
const tokenOf = async (auth) => (await auth.getSession()).data.session?.access_token ?? "key";

/** `SupabaseClient._listenForAuthEvents`. */
function listen(auth, client) {
  let changed;
  auth.onAuthStateChange((event, session) => {
    if (["TOKEN_REFRESHED", "SIGNED_OUT"].includes(event)) trace.push([nowMs, "auth", event]);
    const token = session?.access_token;
    if (["TOKEN_REFRESHED", "SIGNED_IN", "INITIAL_SESSION"].includes(event)) {
      if (changed !== token) {
        changed = token;
        client.setAuth(token);
      }
    } else if (event === "SIGNED_OUT") {
      client.setAuth();
      changed = undefined;
    }
  });
}

// -- the scenario -------------------------------------------------------------------------------

const TOPIC = "webinar-42";
const BINDING = {
  event: "*",
  schema: "public",
  table: "messages",
  filter: "webinar_id=eq.42",
};
const RECREATE_MAX_MS = 30_000;
const { RealtimeClient } = createRequire(join(folder, "package.json"))(folder);

async function play(scenario) {
  nowMs = 0;
  timers = new Map();
  listeners = [];
  trace = [];
  sockets = [];
  sent = [];
  refs = new Map();
  line = { ...scenario.line };
  workerWorks = scenario.worker !== "refused";
  globalThis.document.visibilityState = "visible";

  let token = "first";
  let channel = null;
  const auth = (scenario.token_ends_s ?? null) === null ? null : authOf(scenario.token_ends_s);
  const client = new RealtimeClient("ws://host/realtime/v1", {
    params: { apikey: "key" },
    transport: FakeWebSocket,
    worker: (scenario.worker ?? "none") !== "none",
    accessToken: async () => (auth === null ? token : tokenOf(auth)),
  });
  if (auth !== null) listen(auth, client);
  await client.setAuth(token);

  // R3: the app makes a channel that ended anew, and waits for twice as long each time.
  let channelIsWanted = scenario.recreate_ms !== undefined;
  let recreations = 0;
  const madeAnew = () => {
    if (!channelIsWanted) return;
    const waitMs = Math.min(scenario.recreate_ms * 2 ** recreations, RECREATE_MAX_MS);
    recreations += 1;
    setTimeout(() => acts.subscribe(), waitMs);
  };

  const socketOf = (step) => sockets[(step.socket ?? sockets.length) - 1];
  const frameOf = (event, back = 0) => sent.filter((one) => one.event === event).at(-1 - back);
  const acts = {
    subscribe() {
      channel = client.channel(TOPIC);
      channel.on("postgres_changes", BINDING, () => {});
      channel.subscribe((status) => {
        trace.push([nowMs, "status", status]);
        if (status === "CLOSED") madeAnew();
      });
    },
    unsubscribe() {
      channelIsWanted = false;
      client.removeChannel(channel);
    },
    token(step) {
      token = step.value;
      client.setAuth(token);
    },
    close: (step) => socketOf(step).ends(step.code, step.reason ?? ""),
    reply(step) {
      const { joinRef, ref, topic } = frameOf(step.to, step.back);
      const reply = { status: step.status ?? "ok", response: {} };
      socketOf(step).receives([joinRef, ref, topic, "phx_reply", reply]);
    },
    ends_channel(step) {
      const join = frameOf("phx_join", step.back);
      if (join === undefined) return;
      const { ref, topic } = join;
      const own = step.refless ? null : ref;
      socketOf(step).receives([own, own, step.topic ?? topic, step.event, {}]);
    },
    line(step) {
      line = { ...step.line };
    },
    hide() {
      globalThis.document.visibilityState = "hidden";
      happens("visibilitychange");
    },
    show() {
      globalThis.document.visibilityState = "visible";
      happens("visibilitychange");
    },
    pagehide: () => happens("pagehide"),
    pageshow: () => happens("pageshow"),
  };
  for (const step of scenario.steps) {
    setTimeout(() => acts[step.do](step), step.at_ms);
  }
  await runUntil(scenario.until_ms);
  return trace;
}

const scenarios = JSON.parse(readFileSync(scenariosPath, "utf8"));
const traces = {};
for (const scenario of scenarios) traces[scenario.name] = await play(scenario);
const made = { library: "@supabase/realtime-js", version, made_by: "trace.mjs" };
if (authFolder !== undefined) {
  made.auth = JSON.parse(readFileSync(join(authFolder, "package.json"), "utf8")).version;
}
const rows = Object.entries(traces).map(
  ([name, lines]) =>
    `  ${JSON.stringify(name)}: [\n${lines.map((one) => `   ${JSON.stringify(one)}`).join(",\n")}\n  ]`,
);
const head = JSON.stringify({ ...made, scenarios: basename(scenariosPath) }, null, 1).slice(0, -2);
process.stdout.write(`${head},\n "traces": {\n${rows.join(",\n")}\n }\n}\n`);
