// Fallback polling: when it goes on and off, and the polls themselves (F1 to F5).

import { AnswerError, isRow } from "./answers.js";

// Polls that close a gap and that nothing else would repeat: they go on until it is closed.
const CATCH_UP = new Set(["release", "subscribed"]);

export class Fallback {
  #policy;
  #session;
  #cursor;
  #onRow;
  #onChange;
  #sessionJitterS;
  #awake = true;
  #live = false;
  #liveSinceStart = false; // whether rows have been flowing since before the poll under way started
  #underWay = false; // at most one poll at a time
  #owed = null; // the cause of a poll that is due when the one under way ends or the page wakes
  #silenceTimer;
  #tickTimer;

  failures = 0;
  reason = null; // "socket_failures" or "silence" while on, else null
  polls = 0;
  lastOutcome = null;
  failing = null; // why the last poll of this activation failed, else null

  /** onRow(row): a poll brought a row; onChange(): something that the page shows has changed. */
  constructor({ policy, session, cursor, onRow, onChange }) {
    this.#policy = policy;
    this.#session = session;
    this.#cursor = cursor;
    this.#onRow = onRow;
    this.#onChange = onChange;
    this.#sessionJitterS = this.#drawJitterS();
  }

  /** "off", "on", or "paused": on, but the tab is hidden or the browser offline (F5). */
  get state() {
    if (this.reason === null) return "off";
    return this.#awake ? "on" : "paused";
  }

  // -- what switches it (F1, F2, F5) -----------------------------------------------------------

  pageOpened() {
    this.#watchSilence();
  }

  /** F1: a socket attempt failed; the third in a row switches polling on. */
  attemptFailed() {
    this.failures += 1;
    if (this.failures >= this.#policy.fallback_after_failures) this.#activate("socket_failures");
    this.#onChange();
  }

  socketOpened() {
    this.failures = 0;
    this.#onChange();
  }

  /** F2: a postgres_changes event came over Realtime; polling stops at once. */
  eventArrived() {
    if (this.reason !== null) {
      this.reason = null;
      clearTimeout(this.#tickTimer);
      this.#live = true; // where silence had made it doubtful
      if (this.#policy.poll_on_release) this.#pollOnce("release"); // H5
    }
    this.#watchSilence();
    this.#onChange();
  }

  /** `system ok`: rows flow from here on; those before it may be missing (H8). */
  wentLive() {
    this.#live = true;
    if (this.#policy.poll_on_subscribed) this.#pollOnce("subscribed");
  }

  notLive() {
    this.#live = false;
    this.#liveSinceStart = false;
    this.#cursor.notLive();
  }

  /** F5: the tab was hidden or shown, or the browser went offline or online. */
  setAwake(awake) {
    if (awake === this.#awake) return;
    this.#awake = awake;
    clearTimeout(this.#tickTimer);
    if (awake && this.reason !== null) {
      this.#owed = null;
      this.#pollOnce("return"); // once at once, then it goes on
      this.#nextTick();
    } else if (awake) {
      this.#pollWhatIsOwed();
    }
    this.#onChange();
  }

  /** The page goes away. */
  stop() {
    clearTimeout(this.#silenceTimer);
    clearTimeout(this.#tickTimer);
  }

  #watchSilence() {
    clearTimeout(this.#silenceTimer);
    const waitMs = this.#policy.fallback_after_silence_s * 1000;
    this.#silenceTimer = setTimeout(() => this.#activate("silence"), waitMs); // F1, and H3
  }

  #activate(reason) {
    if (this.reason !== null || !this.#policy.fallback) return;
    this.reason = reason;
    this.failing = null;
    clearTimeout(this.#silenceTimer);
    if (reason === "silence") this.notLive(); // joined, perhaps, and mute (H4)
    if (this.#awake) {
      this.#pollOnce("activation");
      this.#nextTick();
    }
    this.#onChange();
  }

  // -- the polls (F3, F4) ----------------------------------------------------------------------

  #nextTick() {
    const drawn = this.#policy.poll_jitter_drawn;
    const jitterS = drawn === "tick" ? this.#drawJitterS() : this.#sessionJitterS;
    const waitMs = (this.#policy.poll_period_s + jitterS) * 1000;
    clearTimeout(this.#tickTimer);
    this.#tickTimer = setTimeout(() => this.#tick(), waitMs);
  }

  #tick() {
    if (this.reason === null) {
      this.#pollWhatIsOwed(); // a catch-up that failed
      return;
    }
    if (!this.#underWay) this.#poll("period");
    this.#nextTick();
  }

  #drawJitterS() {
    return (Math.random() * 2 - 1) * this.#policy.poll_jitter_s;
  }

  /** Poll now, or as soon as the poll under way is over and the page is awake. */
  #pollOnce(cause) {
    if (this.#underWay || !this.#awake) this.#owed = cause;
    else this.#poll(cause);
  }

  #pollWhatIsOwed() {
    const cause = this.#owed;
    this.#owed = null;
    if (cause !== null) this.#pollOnce(cause);
  }

  async #poll(cause) {
    this.#underWay = true;
    this.#liveSinceStart = this.#live;
    this.polls += 1;
    try {
      await this.#read(cause);
      this.lastOutcome = "ok";
      this.failing = null;
    } catch (error) {
      if (!(error instanceof AnswerError)) throw error;
      this.lastOutcome = error.kind;
      this.failing = error.kind;
    } finally {
      this.#underWay = false;
      this.#onChange();
    }
    const lone = CATCH_UP.has(cause) && this.reason === null && this.#owed === null;
    if (this.lastOutcome !== "ok" && lone) {
      this.#owed = cause;
      this.#nextTick();
    } else {
      this.#pollWhatIsOwed();
    }
  }

  /** F4: what came after the last id, bounded, in the order of ids. */
  async #read(cause) {
    const limit = this.#policy.poll_limit;
    const askedAfter = this.#cursor.after;
    const query = new URLSearchParams({ webinarId: this.#session.webinar, limit });
    if (askedAfter !== null) query.set("after", askedAfter);
    const { messages } = await this.#session.ask(`/api/messages?${query}`, {
      timeoutS: this.#policy.poll_timeout_s,
    });
    if (!Array.isArray(messages) || !messages.every(isRow)) {
      throw new AnswerError("bad_answer", "messages: no rows");
    }
    const whole = messages.length < limit;
    this.#cursor.read(messages.at(-1)?.id ?? null, {
      askedAfter,
      whole,
      sinceLive: this.#liveSinceStart,
    });
    messages.forEach(this.#onRow);
    // The gap was longer than one page; one that brings nothing new would be asked for without end.
    const moved = this.#cursor.after !== askedAfter || askedAfter === null;
    if (!whole && moved && CATCH_UP.has(cause)) this.#owed ??= cause;
  }
}
