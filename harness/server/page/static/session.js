// Who the person is: an account made up by the test server, and its token (R1).

import { AnswerError, ask } from "./answers.js";

const RENEW_BEFORE_END_S = 90; // as Supabase's auth client does
const RETRY_S = 5;
const TIMEOUT_S = 10;

export class Session {
  #query;
  #timer;
  #refusedByApi = null;
  #refusedByRealtime = false;

  /** Ask the server for an account. query: {user, webinar, role, lifetime_s}. */
  static async open(query) {
    const session = new Session();
    session.#query = new URLSearchParams(query);
    await session.#askAccount();
    return session;
  }

  /**
   * Who refuses the token that is in use now: "token" (the API does not believe it), "forbidden"
   * (it does not open the room), "realtime" (Realtime alone), or null.
   */
  get refusal() {
    return this.#refusedByApi ?? (this.#refusedByRealtime ? "realtime" : null);
  }

  /** Ask the chat's API as this person, and remember whether it takes the token. */
  async ask(path, options) {
    const { token } = this;
    const note = (refusal) => {
      if (token === this.token) this.#refusedByApi = refusal;
    };
    try {
      const answer = await ask(path, { ...options, token });
      note(null);
      return answer;
    } catch (error) {
      if (error.kind === "token" || error.kind === "forbidden") note(error.kind);
      throw error;
    }
  }

  /** What Realtime said of the token. */
  realtimeTakes(taken) {
    this.#refusedByRealtime = !taken;
  }

  /** Keep the token fresh; onToken(token) is called with each new one. */
  keepFresh(onToken) {
    // Of a token that hardly lasts longer, half its life is used.
    const waitS = Math.max(this.lifetimeS - RENEW_BEFORE_END_S, this.lifetimeS / 2);
    this.#renewAfter(waitS, onToken);
  }

  /** The page goes away. */
  stop() {
    clearTimeout(this.#timer);
  }

  #renewAfter(waitS, onToken) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      try {
        await this.#askAccount();
        onToken(this.token);
        this.keepFresh(onToken);
      } catch (error) {
        if (!(error instanceof AnswerError)) throw error;
        this.#renewAfter(RETRY_S, onToken);
      }
    }, waitS * 1000);
  }

  async #askAccount() {
    const answer = await ask(`/api/page/session?${this.#query}`, { timeoutS: TIMEOUT_S });
    this.userId = answer.user_id;
    this.user = answer.user;
    this.role = answer.role;
    this.webinar = answer.webinar;
    this.token = answer.token;
    this.#refusedByApi = null; // nobody has judged this one yet
    this.#refusedByRealtime = false;
    this.lifetimeS = answer.lifetime_s;
    this.apiKey = answer.api_key;
    this.realtimePort = answer.realtime_port;
  }
}

/**
 * The name in the id of one of the test server's accounts: a UUID of version 8 whose other bytes
 * are the name. Others, such as emulated users, are called by the beginning of their id.
 */
export function nameOf(userId) {
  const bytes = userId.replaceAll("-", "").match(/../g).map((pair) => parseInt(pair, 16));
  if (bytes[6] !== 0x80 || bytes[8] !== 0x80) return userId.slice(0, 8);
  const name = bytes.filter((byte, at) => at !== 6 && at !== 8 && byte !== 0);
  return new TextDecoder().decode(new Uint8Array(name));
}
