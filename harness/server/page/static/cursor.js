// Where an incremental read goes on: the `after` of F4, in the two ways a policy may keep it.

export class Cursor {
  #mode;
  #contiguous = false;
  /** null until the first read: read the history instead. */
  after = null;

  /**
   * "last_seen", the plan's `lastId`: the greatest id on the screen, whatever way it came, so that
   * a Realtime row can move it past rows that never came (H1, H5). "confirmed": moved by polls, and
   * by Realtime rows only while nothing can be missing between them and the last poll.
   */
  constructor(mode) {
    this.#mode = mode;
  }

  /**
   * A poll or the history brought the rows up to lastId (null: no rows). askedAfter: what it asked
   * with; whole: it did not fill its limit; sinceLive: rows flowed since before it started.
   */
  read(lastId, { askedAfter, whole, sinceLive }) {
    const fits = whole || askedAfter !== null || this.after === null;
    if (this.#mode === "confirmed" && !fits) return; // some may lie between these and what is known
    this.#advance(lastId ?? 0);
    if (whole && sinceLive) this.#contiguous = true;
  }

  /** A row came over Realtime. */
  pushed(id) {
    if (this.#mode === "last_seen" || this.#contiguous) this.#advance(id);
  }

  /** A row of one's own came in an API answer, which proves nothing about those before it. */
  acknowledged(id) {
    if (this.#mode === "last_seen") this.#advance(id);
  }

  /** Rows no longer flow: from here on something may be missing. */
  notLive() {
    this.#contiguous = false;
  }

  #advance(id) {
    this.after = Math.max(this.after ?? 0, id);
  }
}
