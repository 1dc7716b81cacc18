// What the person sees: the room's rows and one's own bubbles (S1, S2, S3, R4, R5).
//
// A line is {id, clientMsgId, userId, body, createdAt, hidden, state, why}; `id` is null as long as
// no row is known. States: "sending" -> "failed" -> "sending" (retry), each -> "sent" (a row).

export class MessageList {
  #lines = []; // rows by id, then bubbles in the order of their sends
  #draw;
  #erase;

  /** draw(line, next): show a line anew, before the line `next`; erase(line): take it away. */
  constructor({ draw, erase }) {
    this.#draw = draw;
    this.#erase = erase;
  }

  /** S1: the message is on the screen before anything was sent. */
  bubble(clientMsgId, userId, body) {
    const state = { id: null, createdAt: null, hidden: false, state: "sending", why: null };
    this.#place({ clientMsgId, userId, body, ...state });
  }

  /** A failed bubble is sent once more. */
  sendAgain(clientMsgId) {
    this.#change(this.#bubbleOf(clientMsgId), { state: "sending", why: null });
  }

  /** S3: however the send ended, the spinner ends. The bubble stays where no row came. */
  settle(clientMsgId, why) {
    const bubble = this.#bubbleOf(clientMsgId);
    if (bubble?.state !== "sending") return false;
    this.#change(bubble, { state: "failed", why });
    return true;
  }

  /**
   * A row came, over Realtime, by a poll or in an answer; says what it did to the screen.
   * R4: rows match rows by id and bubbles by client_msg_id, so each shows once. S4: the row ends
   * its bubble's spinner, whatever way it came.
   */
  arrive(row) {
    if (this.#rowOf(row.id)) return "suppressed";
    const bubble = this.#bubbleOf(row.client_msg_id);
    if (!bubble) {
      this.#place(filled({}, row));
      return "shown";
    }
    this.#lines.splice(this.#lines.indexOf(bubble), 1);
    this.#place(filled(bubble, row));
    return "swapped";
  }

  /** R5: an UPDATE is applied by id. */
  update(row) {
    const line = this.#rowOf(row.id);
    if (line) this.#change(line, filled({}, row));
  }

  /** R5: a DELETE is applied by id. */
  remove(id) {
    const line = this.#rowOf(id);
    if (!line) return;
    this.#lines.splice(this.#lines.indexOf(line), 1);
    this.#erase(line);
  }

  /** Show every line anew: the language has changed. */
  redraw() {
    for (const line of this.#lines) this.#change(line, {});
  }

  #rowOf(id) {
    return this.#lines.find((line) => line.id === id);
  }

  #bubbleOf(clientMsgId) {
    return this.#lines.find((line) => line.id === null && line.clientMsgId === clientMsgId);
  }

  #place(line) {
    // Almost always the last place, so it is looked for from the end.
    let place = this.#lines.length;
    while (line.id !== null && place > 0 && isAfter(this.#lines[place - 1], line.id)) place -= 1;
    this.#draw(line, this.#lines[place] ?? null);
    this.#lines.splice(place, 0, line);
  }

  #change(line, changes) {
    Object.assign(line, changes);
    this.#draw(line, this.#lines[this.#lines.indexOf(line) + 1] ?? null);
  }
}

function isAfter(line, id) {
  return line.id === null || line.id > id;
}

function filled(line, row) {
  return Object.assign(line, {
    id: row.id,
    clientMsgId: row.client_msg_id,
    userId: row.user_id,
    body: row.body,
    createdAt: row.created_at,
    hidden: row.hidden === true,
    state: "sent",
    why: null,
  });
}
