// Sending a message: S1, S2, S3, S6 and S8 as the person at the keyboard meets them.

import { AnswerError, isRow } from "./answers.js";

export class Composer {
  #policy;
  #list;
  #session;
  #onRow;
  #onFailed;
  #disabledUntil = 0;
  #underWay = new Set(); // the client_msg_id of every request without an answer

  /** onRow(row): an answer brought the row; onFailed(why): a send ended without one. */
  constructor({ policy, list, session, onRow, onFailed }) {
    this.#policy = policy;
    this.#list = list;
    this.#session = session;
    this.#onRow = onRow;
    this.#onFailed = onFailed;
  }

  /** A click on Send, or Enter: "sent", "too_soon" (S6), or "empty": there is nothing to send. */
  send(body) {
    const now = performance.now();
    if (body.trim() === "") return "empty";
    if (now < this.#disabledUntil) return "too_soon";
    this.#disabledUntil = now + this.#policy.send_disabled_s * 1000; // S6
    const clientMsgId = crypto.randomUUID(); // S1
    this.#list.bubble(clientMsgId, this.#session.userId, body);
    this.#post(clientMsgId, body);
    return "sent";
  }

  /** The button on a failed bubble: the same message under the same client_msg_id (S5). */
  retry({ clientMsgId, body }) {
    if (this.#underWay.has(clientMsgId)) return; // S6: never twice at once
    this.#list.sendAgain(clientMsgId);
    this.#post(clientMsgId, body);
  }

  async #post(clientMsgId, body) {
    this.#underWay.add(clientMsgId);
    let why = null;
    try {
      const answer = await this.#session.ask("/api/messages/create", {
        method: "POST",
        body: { webinarId: this.#session.webinar, clientMsgId, body },
        timeoutS: this.#policy.ack_timeout_s, // S3
      });
      const row = answer.message;
      if (!isRow(row) || row.client_msg_id !== clientMsgId) {
        throw new AnswerError("bad_answer", "no row of this message");
      }
      this.#onRow(row); // S2: swapped at once; Realtime is not waited for
    } catch (error) {
      if (!(error instanceof AnswerError)) throw error;
      why = error.kind;
    } finally {
      this.#underWay.delete(clientMsgId);
      if (this.#list.settle(clientMsgId, why)) this.#onFailed(why); // S3: the spinner ends
    }
  }
}
