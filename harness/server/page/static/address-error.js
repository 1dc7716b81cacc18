// The page's address says something that makes no sense.

export class AddressError extends Error {
  /**
   * rule: the name of what was broken, among the `address` of texts.js; allowed: what it speaks of.
   * text: the value, or null where the name itself is wrong.
   */
  constructor(name, text, rule, allowed) {
    super(`${name}: ${rule}`);
    Object.assign(this, { name, text, rule, allowed });
  }

  /** In the words of a language of texts.js. */
  says({ address }) {
    const place = this.text === null ? this.name : `${this.name}=${this.text}`;
    return `${place}: ${address[this.rule](this.allowed)}`;
  }
}
