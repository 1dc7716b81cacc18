// The chat page: its parts, and who tells whom. The rules' ids are those of docs/chat-rules.md.

import { readAddress } from "./address.js";
import { AddressError } from "./address-error.js";
import { AnswerError, isRow } from "./answers.js";
import { Composer } from "./composer.js";
import { Cursor } from "./cursor.js";
import { Fallback } from "./fallback.js";
import { History } from "./history.js";
import { Language } from "./language.js";
import { Lines } from "./lines.js";
import { MessageList } from "./messages.js";
import { Moderation } from "./moderation.js";
import { Panel } from "./panel.js";
import { Room } from "./room.js";
import { Session } from "./session.js";

const byId = (id) => document.getElementById(id);
// A phone, a small window or a large zoom has no room to spare.
byId("details").open = matchMedia("(min-width: 34rem) and (min-height: 40rem)").matches;
const language = new Language(new URLSearchParams(location.search));
language.changed(() => remember("lang", language.name));

try {
  const address = readAddress(location.search);
  history.replaceState(null, "", `?${address.query}`); // a reload is the same person
  startChat(address, await Session.open(address.account));
} catch (error) {
  byId("chat").dataset.transport = "closed";
  document.body.classList.add("failed");
  const sayWhy = () => {
    byId("summary").textContent = language.texts().failed(whyNot(error, language.texts()));
  };
  language.changed(sayWhy);
  sayWhy();
  if (!(error instanceof AnswerError || error instanceof AddressError)) throw error;
}

function whyNot(error, texts) {
  if (error instanceof AddressError) return error.says(texts);
  // A refusal says what is wrong in the server's words; the others are known by their kind.
  return error.kind === "refused" ? error.message : (texts.why[error.kind] ?? error.message);
}

function startChat({ policy, renew, realtime }, session) {
  const { texts } = language;
  const history = new History(byId("none"), texts);
  const seen = { transport: "connecting", detail: "", eventAt: null, events: 0, unreadable: 0 };

  const lines = new Lines({
    log: byId("log"),
    list: byId("lines"),
    session,
    texts,
    actions: {
      retry: {
        shown: (line) => line.state === "failed",
        run: (line) => {
          say("");
          composer.retry(line);
          byId("body").focus(); // the button is about to go
        },
      },
      hide: {
        shown: (line) => moderation.isAllowed && line.id !== null && !line.hidden,
        run: (line) => moderation.setHidden(line, true),
      },
      show: {
        shown: (line) => moderation.isAllowed && line.id !== null && line.hidden,
        run: (line) => moderation.setHidden(line, false),
      },
      delete: {
        shown: (line) => moderation.isAllowed && line.id !== null,
        run: (line) => moderation.remove(line),
        confirmed: true,
      },
    },
  });
  const list = new MessageList(lines);
  const moderation = new Moderation({
    policy,
    session,
    list,
    onFailed: (why) => say(texts().moderationFailed(texts().why[why])),
  });
  const cursor = new Cursor(policy.cursor);
  const panel = new Panel({
    elements: { chat: byId("chat"), summary: byId("summary"), facts: byId("facts") },
    texts,
    policy,
    look: () => ({
      ...seen,
      polling: fallback.state,
      reason: fallback.reason,
      failures: fallback.failures,
      polls: fallback.polls,
      outcome: fallback.lastOutcome,
      failing: fallback.failing,
      refusal: session.refusal,
      after: cursor.after,
    }),
  });
  const fallback = new Fallback({
    policy,
    session,
    cursor,
    onRow: (row) => list.arrive(row),
    onChange: () => panel.show(),
  });
  const composer = new Composer({
    policy,
    list,
    session,
    onRow: (row) => {
      list.arrive(row);
      cursor.acknowledged(row.id);
    },
    onFailed: (why) => {
      say(texts().sendFailed(texts().why[why]));
      panel.show();
    },
  });
  // Before there is a room: realtime-js closes its socket on pagehide, and listens from then on.
  addEventListener("pagehide", () => {
    fallback.stop();
    session.stop();
    room.leave(); // R2
  });
  const room = new Room({
    address: realtime ?? `ws://${location.hostname}:${session.realtimePort}`,
    apiKey: session.apiKey,
    webinar: session.webinar,
    policy,
    hear: {
      opened: () => fallback.socketOpened(),
      attemptFailed: () => fallback.attemptFailed(),
      live: () => {
        session.realtimeTakes(true);
        fallback.wentLive();
      },
      tokenRefused: () => session.realtimeTakes(false),
      notLive: () => fallback.notLive(),
      status: (transport, detail) => {
        Object.assign(seen, { transport, detail });
        panel.show();
      },
      event: (change) => {
        if (!applied(change, list, cursor)) {
          seen.unreadable += 1;
          return;
        }
        seen.events += 1;
        seen.eventAt = Date.now();
        fallback.eventArrived(); // F2
      },
    },
  });

  watchComposer(composer, policy);
  watchPage(fallback);
  showWho(session);
  language.changed(() => {
    showWho(session);
    if (byId("too-soon").textContent !== "") sayTooSoon(texts().tooSoon);
    list.redraw();
    history.redraw();
    panel.show();
  });
  setInterval(() => panel.show(), 1000); // the age of the last event

  // The history is read beside the first connect.
  fallback.pageOpened();
  readHistory({ policy, session, list, cursor }).then((outcome) => {
    history.became(outcome);
    byId("log").setAttribute("aria-live", "polite"); // what was there already is not read out
  });
  room.enter(session.token);
  if (renew) session.keepFresh((token) => room.setToken(token)); // R1
}

/** Bring a change to the screen; false where it cannot be read. */
function applied({ eventType, new: row, old }, list, cursor) {
  if (eventType === "DELETE") {
    list.remove(old.id); // R5
    return true;
  }
  if (!isRow(row)) return false;
  if (eventType === "UPDATE") {
    list.update(row); // R5
  } else {
    list.arrive(row); // R4, S4
    cursor.pushed(row.id);
  }
  return true;
}

/** "read", or "failed". */
async function readHistory({ policy, session, list, cursor }) {
  const query = new URLSearchParams({ webinarId: session.webinar, limit: policy.history_limit });
  try {
    const { messages } = await session.ask(`/api/messages?${query}`, {
      timeoutS: policy.poll_timeout_s,
    });
    if (!Array.isArray(messages) || !messages.every(isRow)) {
      throw new AnswerError("bad_answer", "messages: no rows");
    }
    messages.forEach((row) => list.arrive(row));
    const whole = messages.length < policy.history_limit;
    const lastId = messages.at(-1)?.id ?? null;
    cursor.read(lastId, { askedAfter: null, whole, sinceLive: false });
    return "read";
  } catch (error) {
    if (!(error instanceof AnswerError)) throw error;
    say(language.texts().historyFailed(language.texts().why[error.kind]));
    return "failed";
  }
}

function watchComposer(composer, policy) {
  const [form, body, send] = ["composer", "body", "send"].map(byId);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const outcome = composer.send(body.value);
    if (outcome === "too_soon") sayTooSoon(language.texts().tooSoon);
    if (outcome !== "sent") return;
    body.value = "";
    body.focus();
    say("");
    sayTooSoon("");
    // S6. Not `disabled`: that would take the keyboard's focus away from the button.
    send.setAttribute("aria-disabled", "true");
    setTimeout(() => send.removeAttribute("aria-disabled"), policy.send_disabled_s * 1000);
  });
  body.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey) return;
    // An Enter that ends the composition of a Hangul syllable sends nothing; Safari has ended it
    // by then and says so with 229 only.
    if (event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    form.requestSubmit();
  });
}

function watchPage(fallback) {
  const look = () => fallback.setAwake(document.visibilityState === "visible" && navigator.onLine);
  document.addEventListener("visibilitychange", look); // F5
  addEventListener("online", look);
  addEventListener("offline", look);
  look();
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload(); // back from the browser's cache of pages
  });
}

function showWho({ user, role, webinar }) {
  const texts = language.texts();
  byId("title").textContent = texts.title(webinar);
  byId("user").textContent = user;
  byId("role").textContent = `(${texts.roles[role]})`;
  document.title = texts.documentTitle(webinar, user);
  byId("others").replaceChildren(
    ...["alice", "bob"].filter((name) => name !== user).map((name) => linkAs({ user: name })),
    ...(role === "attendee" ? [linkAs({ user: "mod", role: "moderator" })] : []),
  );
}

function linkAs(account) {
  const query = new URLSearchParams(location.search);
  query.delete("role");
  for (const [name, value] of Object.entries(account)) query.set(name, value);
  const link = document.createElement("a");
  link.href = `?${query}`;
  link.target = "_blank";
  link.textContent = account.user;
  return link;
}

function remember(name, value) {
  const query = new URLSearchParams(location.search);
  query.set(name, value);
  history.replaceState(null, "", `?${query}`);
}

function sayTooSoon(text) {
  byId("too-soon").textContent = text; // until the next send, so that nobody misses it
}

function say(text) {
  byId("alert").textContent = text;
}
