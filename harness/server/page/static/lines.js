// The lines of the room on the screen. Elements are changed in place, so that a screen reader
// hears a message once, when it is added, and not again when its state changes.

import { nameOf } from "./session.js";

export class Lines {
  #log;
  #list;
  #session;
  #texts;
  #actions;
  #elements = new Map(); // by line

  /**
   * texts(): those of the language shown. actions: {name: {shown(line), run(line)}}, buttons below
   * a line; a name is a key of the texts.
   */
  constructor({ log, list, session, texts, actions }) {
    this.#log = log;
    this.#list = list;
    this.#session = session;
    this.#texts = texts;
    this.#actions = actions;
  }

  draw = (line, next) => {
    const atEnd = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < 40;
    let parts = this.#elements.get(line);
    const isNew = parts === undefined;
    if (isNew) {
      parts = this.#build(line);
      this.#elements.set(line, parts);
    }
    this.#fill(parts, line);
    const before = next === null ? null : this.#elements.get(next).item;
    if (isNew || parts.item.nextSibling !== before) this.#list.insertBefore(parts.item, before);
    if (atEnd || (isNew && line.state === "sending")) this.#log.scrollTop = this.#log.scrollHeight;
  };

  erase = (line) => {
    this.#elements.get(line).item.remove();
    this.#elements.delete(line);
  };

  #build(line) {
    const part = (tag, className) => {
      const element = document.createElement(tag);
      if (className) element.className = className;
      return element;
    };
    const parts = {
      item: part("li"),
      name: part("b"),
      time: part("time"),
      body: part("div", "body"),
      state: part("span", "state"),
      buttons: {},
    };
    const head = part("div", "head");
    head.append(parts.name, parts.time);
    const foot = part("div", "foot");
    foot.append(parts.state);
    for (const [name, { run }] of Object.entries(this.#actions)) {
      const button = part("button", name);
      button.type = "button";
      button.addEventListener("click", () => run(line));
      parts.buttons[name] = button;
      foot.append(button);
    }
    parts.item.append(head, parts.body, foot);
    return parts;
  }

  #fill(parts, line) {
    const texts = this.#texts();
    const own = line.userId === this.#session.userId;
    const name = nameOf(line.userId);
    parts.item.classList.toggle("own", own);
    Object.assign(parts.item.dataset, {
      id: line.id ?? "",
      clientMsgId: line.clientMsgId,
      state: line.state,
      hidden: line.hidden,
    });
    say(parts.name, own ? `${name} (${texts.own})` : name);
    const at = line.createdAt === null ? null : new Date(line.createdAt);
    const clock = { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false };
    say(parts.time, at === null ? "" : at.toLocaleTimeString(document.documentElement.lang, clock));
    if (at !== null) parts.time.dateTime = line.createdAt;
    say(parts.body, line.hidden ? texts.hidden : line.body);
    parts.body.classList.toggle("hidden", line.hidden);
    say(parts.state, own ? stateText(texts, line) : "");
    for (const [action, { shown }] of Object.entries(this.#actions)) {
      say(parts.buttons[action], texts[action]);
      parts.buttons[action].ariaLabel = `${texts[action]}: ${name}, ${parts.body.textContent}`;
      parts.buttons[action].hidden = !shown(line);
    }
  }
}

function stateText(texts, line) {
  return line.state === "failed" ? texts.states.failed(texts.why[line.why]) : texts.states[line.state];
}

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
