// The page's own state, for people and, as data attributes of #chat, for tests.

export class Panel {
  #elements;
  #texts;
  #policy;
  #look;

  /** look(): {transport, detail, polling, reason, failing, refusal, eventAt, polls, …}. */
  constructor({ elements, texts, policy, look }) {
    this.#elements = elements;
    this.#texts = texts;
    this.#policy = policy;
    this.#look = look;
  }

  show() {
    const now = this.#look();
    const texts = this.#texts();
    const ageS = now.eventAt === null ? null : Math.floor((Date.now() - now.eventAt) / 1000);
    Object.assign(this.#elements.chat.dataset, {
      transport: now.transport,
      trouble: trouble(now),
      polling: now.polling,
      pollingReason: now.reason ?? "",
      failures: now.failures,
      events: now.events,
      unreadable: now.unreadable,
      lastEventAgeS: ageS ?? "",
      polls: now.polls,
      after: now.after ?? "",
    });
    say(this.#elements.summary, this.#summary(texts, now));
    this.#fill(texts, now, ageS);
  }

  #summary({ summary, why }, { transport, polling, failing, refusal }) {
    if (polling === "paused") return summary.paused;
    if (refusal !== null) {
      const helps = polling === "on" && refusal === "realtime" && failing === null;
      return summary.refusals[refusal] + (helps ? summary.meanwhile(this.#policy) : "");
    }
    if (polling === "on") {
      const quiet = transport === "live" || transport === "joined";
      if (failing !== null) {
        return (quiet ? summary.quietFailing : summary.pollingFailing)(this.#policy, why[failing]);
      }
      return (quiet ? summary.quiet : summary.polling)(this.#policy);
    }
    return transport === "joined" ? summary.connecting : summary[transport];
  }

  #fill(texts, now, ageS) {
    const reason = now.reason === null ? "" : `: ${texts.reasons[now.reason](this.#policy)}`;
    const values = {
      transport: texts.transport[now.transport],
      polling: `${texts.polling[now.polling]}${reason}`,
      failures: texts.failureCount(now.failures, this.#policy),
      event: ageS === null ? texts.noEvent : texts.ago(ageS),
      polls: texts.pollCount(now.polls, texts.outcomes[now.outcome]),
      cursor: now.after === null ? texts.start : `${now.after}`,
    };
    for (const [name, value] of Object.entries(values)) {
      const row = this.#row(name);
      say(row.firstChild, texts.labels[name]);
      say(row.lastChild, value);
      row.title = name === "transport" ? now.detail : "";
    }
  }

  #row(name) {
    const found = this.#elements.facts.querySelector(`[data-fact="${name}"]`);
    if (found) return found;
    const row = document.createElement("div");
    row.dataset.fact = name;
    row.append(document.createElement("dt"), document.createElement("dd"));
    this.#elements.facts.append(row);
    return row;
  }
}

/** "token": it is refused; "polls": the page polls, and they fail; else empty. */
function trouble({ refusal, polling, failing }) {
  if (refusal !== null) return "token";
  return polling === "on" && failing !== null ? "polls" : "";
}

function say(element, text) {
  // Only what changed: every change of a status is read out.
  if (element.textContent !== text) element.textContent = text;
}
