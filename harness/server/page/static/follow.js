// Keeping a scrolled box at its end, for a reader who is there, whatever makes it grow or shrink: a
// message, a button that appears in one, a line of the page below.

const NEAR_PX = 40;

export class Follower {
  #box;
  #atEnd = true;
  #lastTop = 0;

  /** box: what scrolls; content: what is in it. */
  constructor(box, content) {
    this.#box = box;
    box.addEventListener("scroll", () => this.#scrolled());
    const sizes = new ResizeObserver(() => {
      if (this.#atEnd) this.toEnd();
    });
    sizes.observe(box);
    sizes.observe(content);
  }

  toEnd() {
    this.#atEnd = true;
    this.#box.scrollTop = this.#box.scrollHeight;
    this.#lastTop = this.#box.scrollTop;
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#box;
    const near = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    // Only a move up leaves the end: what was added meanwhile is no wish of the reader's.
    if (near || scrollTop < this.#lastTop) this.#atEnd = near;
    this.#lastTop = scrollTop;
  }
}
