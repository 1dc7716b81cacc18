// What an empty list means: nobody wrote, nobody knows yet, or nobody can say.

export class History {
  #element;
  #texts;
  #state = "reading";

  constructor(element, texts) {
    this.#element = element;
    this.#texts = texts;
    this.redraw();
  }

  /** state: "read" or "failed". */
  became(state) {
    this.#state = state;
    this.redraw();
  }

  redraw() {
    this.#element.dataset.history = this.#state;
    this.#element.textContent = this.#texts().history[this.#state];
  }
}
