// The language that the page speaks: the address's, else the browser's.

import { TEXTS } from "./texts.js";

export class Language {
  #onChange = [];

  constructor(query) {
    const wanted = query.get("lang") ?? navigator.language.slice(0, 2);
    this.name = wanted in TEXTS ? wanted : "en";
    for (const button of document.querySelectorAll(".languages button")) {
      button.addEventListener("click", () => this.speak(button.value));
    }
    this.speak(this.name);
  }

  texts = () => TEXTS[this.name];

  /** Call this at each change of the language. */
  changed(callback) {
    this.#onChange.push(callback);
  }

  speak(name) {
    this.name = name;
    document.documentElement.lang = name;
    for (const element of document.querySelectorAll("[data-t]")) {
      element.textContent = this.texts()[element.dataset.t];
    }
    for (const element of document.querySelectorAll("[data-label]")) {
      element.setAttribute("aria-label", this.texts()[element.dataset.label]);
    }
    for (const button of document.querySelectorAll(".languages button")) {
      button.setAttribute("aria-pressed", String(button.value === name));
    }
    for (const callback of this.#onChange) callback();
  }
}
