// Hiding and deleting, by presenters and moderators. Others see it by R5.

import { AnswerError, ask, isRow } from "./answers.js";

export class Moderation {
  #policy;
  #session;
  #list;
  #onFailed;

  constructor({ policy, session, list, onFailed }) {
    this.#policy = policy;
    this.#session = session;
    this.#list = list;
    this.#onFailed = onFailed;
  }

  get isAllowed() {
    return this.#session.role !== "attendee";
  }

  async setHidden(line, hidden) {
    const row = await this.#ask(`/${line.id}/${hidden ? "hide" : "unhide"}`, "POST");
    if (row) this.#list.update(row);
  }

  /** Its DELETE may never come over Realtime (H2), so the moderator's own page does not wait. */
  async remove(line) {
    const row = await this.#ask(`/${line.id}`, "DELETE");
    if (row) this.#list.remove(row.id);
  }

  async #ask(path, method) {
    try {
      const { message } = await ask(`/api/messages${path}`, {
        method,
        token: this.#session.token,
        timeoutS: this.#policy.ack_timeout_s,
      });
      if (!isRow(message)) throw new AnswerError("bad_answer", "no row");
      return message;
    } catch (error) {
      if (!(error instanceof AnswerError)) throw error;
      this.#onFailed(error.kind);
      return null;
    }
  }
}
