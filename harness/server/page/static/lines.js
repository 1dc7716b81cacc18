// The lines of the room on the screen. Elements are changed in place, so that a screen reader
// hears a message once, when it is added, and not again when its state changes.

import { TwoStepButton } from "./confirm.js";
import { Follower } from "./follow.js";
import { nameOf } from "./session.js";

export class Lines {
  #log;
  #follower;
  #list;
  #session;
  #texts;
  #actions;
  #elements = new Map(); // by line

  /**
   * texts(): those of the language shown. actions: {name: {shown(line), run(line), confirmed}},
   * buttons below a line, the confirmed ones in two steps; a name is a key of the texts.
   */
  constructor({ log, list, session, texts, actions }) {
    this.#log = log;
    this.#follower = new Follower(log, list);
    this.#list = list;
    this.#session = session;
    this.#texts = texts;
    this.#actions = actions;
  }

  draw = (line, next) => {
    let parts = this.#elements.get(line);
    const isNew = parts === undefined;
    if (isNew) {
      parts = this.#build(line);
      this.#elements.set(line, parts);
    }
    this.#fill(parts, line);
    const before = next === null ? null : this.#elements.get(next).item;
    if (isNew || parts.item.nextSibling !== before) this.#list.insertBefore(parts.item, before);
    if (isNew && line.state === "sending") this.#follower.toEnd(); // one wants to see one's own
  };

  erase = (line) => {
    const { item } = this.#elements.get(line);
    const hadFocus = item.contains(document.activeElement);
    item.remove();
    if (hadFocus) this.#log.focus(); // and not at the top of the page
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
    for (const [name, { run, confirmed }] of Object.entries(this.#actions)) {
      const button = confirmed
        ? new TwoStepButton(name, () => run(line))
        : new PlainButton(name, () => run(line));
      parts.buttons[name] = button;
      foot.append(button.element);
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
      const button = parts.buttons[action];
      button.fill(texts[action], `${name}, ${parts.body.textContent}`);
      button.element.hidden = !shown(line);
    }
  }
}

class PlainButton {
  element = document.createElement("button");

  constructor(name, run) {
    this.element.type = "button";
    this.element.className = name;
    this.element.addEventListener("click", run);
  }

  fill(word, about) {
    say(this.element, word);
    this.element.ariaLabel = `${word}: ${about}`;
  }
}

function stateText(texts, line) {
  return line.state === "failed" ? texts.states.failed(texts.why[line.why]) : texts.states[line.state];
}

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
