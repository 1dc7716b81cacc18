// A button for what cannot be undone: the first click asks, the second one does it. Escape is a no.

export class TwoStepButton {
  element = document.createElement("span");
  #first = button();
  #asked = document.createElement("span");
  #question = document.createElement("span");
  #yes = button("yes");
  #no = button("no");

  /** name: the first button's class; run(): what the second click does. */
  constructor(name, run) {
    this.#first.className = name;
    this.#asked.className = "confirm";
    this.#asked.role = "group";
    this.#asked.hidden = true;
    this.#asked.append(this.#question, this.#yes, this.#no);
    this.element.append(this.#first, this.#asked);
    this.#first.addEventListener("click", () => this.#ask());
    this.#no.addEventListener("click", () => this.#back());
    this.#yes.addEventListener("click", () => {
      this.#back();
      run();
    });
    this.#asked.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#back();
    });
  }

  /** words: {first, question, yes, no}; about: what it is done to. */
  fill(words, about) {
    say(this.#first, words.first);
    say(this.#question, words.question);
    say(this.#yes, words.yes);
    say(this.#no, words.no);
    this.#first.ariaLabel = `${words.first}: ${about}`;
    this.#asked.ariaLabel = `${words.question} ${about}`;
  }

  #ask() {
    this.#first.hidden = true;
    this.#asked.hidden = false;
    this.#no.focus(); // a second Enter by mistake does no harm
  }

  #back() {
    this.#asked.hidden = true;
    this.#first.hidden = false;
    this.#first.focus();
  }
}

function button(className = "") {
  const element = document.createElement("button");
  element.type = "button";
  element.className = className;
  return element;
}

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
