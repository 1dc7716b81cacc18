// The room's channel over the genuine realtime-js (R1 to R3), and what the page hears from it.

import { RealtimeClient } from "./vendor/realtime-js.js";

const RECREATE_MAX_S = 30;
// Realtime's words for a token that it does not take, in refused joins and before it ends a channel.
const TOKEN_REFUSED = /JWT|Jwt|Token has expired|Unauthorized|permission/;

export class Room {
  #client;
  #webinar;
  #policy;
  #hear;
  #channel = null;
  #recreations = 0;
  #recreateTimer = null;
  #left = false;

  /**
   * hear: {opened(), attemptFailed(), status(name, detail), live(), notLive(), event(change),
   * tokenRefused()}.
   * Names of status: "connecting", "joined", "live", "errored", "closed".
   */
  constructor({ address, apiKey, webinar, policy, hear }) {
    this.#webinar = webinar;
    this.#policy = policy;
    this.#hear = hear;
    this.#client = new RealtimeClient(`${address}/realtime/v1`, {
      params: { apikey: apiKey },
      transport: watchedWebSocket({
        opened: () => this.#opened(),
        attemptFailed: () => hear.attemptFailed(),
      }),
    });
  }

  /** Connect and join with the session's token (R1). */
  async enter(token) {
    await this.#client.setAuth(token); // before the join, so that the join carries it
    this.#join();
  }

  /** R1: a renewed token goes to the joined channel and into every later join. */
  setToken(token) {
    return this.#client.setAuth(token);
  }

  /** R2: unsubscribe, remove, and close the socket: nothing is left behind. */
  async leave() {
    this.#left = true;
    clearTimeout(this.#recreateTimer);
    const channel = this.#channel;
    this.#channel = null; // what it says from here on is not heard
    if (channel) {
      await channel.unsubscribe();
      await this.#client.removeChannel(channel);
    }
    await this.#client.disconnect();
  }

  #join() {
    const channel = this.#client.channel(`webinar-${this.#webinar}`); // R2: from the webinar alone
    this.#channel = channel;
    const filter = `webinar_id=eq.${this.#webinar}`;
    const rows = { event: "*", schema: "public", table: "messages", filter };
    channel
      .on("postgres_changes", rows, (change) => {
        if (channel === this.#channel) this.#hear.event(change);
      })
      .on("system", {}, (message) => {
        if (channel === this.#channel) this.#told(message);
      })
      .subscribe((status, error) => {
        if (channel === this.#channel) this.#subscribed(status, error?.message ?? "");
      });
    this.#hear.status("connecting", "");
  }

  #subscribed(status, detail) {
    if (status === "SUBSCRIBED") {
      this.#hear.status("joined", ""); // rows do not flow yet (H8)
      return;
    }
    this.#hear.notLive();
    if (TOKEN_REFUSED.test(detail)) this.#hear.tokenRefused();
    if (status === "CLOSED") {
      this.#hear.status("closed", detail);
      this.#recreateLater();
    } else {
      this.#hear.status("errored", detail || status); // realtime-js joins again by itself
    }
  }

  /** `system`: only now do rows flow, or the server says why they will not. */
  #told({ extension, status, message }) {
    if (status === "error" && TOKEN_REFUSED.test(message)) this.#hear.tokenRefused();
    if (extension !== "postgres_changes") return;
    if (status === "ok") {
      this.#recreations = 0;
      this.#hear.status("live", "");
      this.#hear.live();
    } else {
      this.#hear.notLive();
      this.#hear.status("errored", message);
    }
  }

  /** R3: realtime-js gives a closed channel up; the app creates it anew, later each time. */
  #recreateLater() {
    const waitS = Math.min(this.#policy.recreate_delay_s * 2 ** this.#recreations, RECREATE_MAX_S);
    this.#recreations += 1;
    this.#recreateTimer = setTimeout(() => this.#recreate(), waitS * 1000);
  }

  async #recreate() {
    clearTimeout(this.#recreateTimer);
    this.#recreateTimer = null;
    const ended = this.#channel;
    this.#channel = null;
    await this.#client.removeChannel(ended);
    if (!this.#left) this.#join();
  }

  #opened() {
    this.#hear.opened();
    // A new socket: what is waited for is joined at once.
    if (this.#recreateTimer !== null) this.#recreate();
  }
}

/**
 * A WebSocket that says how its attempt ended. The channel's status cannot count failures (F1):
 * realtime-js reports one CHANNEL_ERROR for a whole outage, however many attempts it takes.
 */
function watchedWebSocket({ opened, attemptFailed }) {
  return class extends WebSocket {
    constructor(...address) {
      super(...address);
      let wasOpen = false;
      this.addEventListener("open", () => {
        wasOpen = true;
        opened();
      });
      this.addEventListener("close", () => {
        if (!wasOpen) attemptFailed();
      });
    }
  };
}
