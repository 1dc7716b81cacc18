// The switches of the chat's own client code, with the values of the owners' plan: the same names
// and values as the emulated client's policy (harness/client/policy.py), which a test compares.
// Any of them may be set in the page's address, e.g. ?cursor=confirmed&poll_on_release=1

import { AddressError } from "./address-error.js";

export const PLAN = Object.freeze({
  ack_timeout_s: 10, // S3
  send_disabled_s: 1, // S6
  fallback: true, // F1
  fallback_after_failures: 3, // F1
  fallback_after_silence_s: 10, // F1
  poll_period_s: 3, // F3
  poll_jitter_s: 0.4, // F3: uniform, plus or minus
  poll_jitter_drawn: "tick", // F3: or "session"
  poll_limit: 100, // F4
  poll_timeout_s: 10,
  cursor: "last_seen", // F4: or "confirmed"; see cursor.js
  poll_on_release: false, // H5: not in the owners' plan
  poll_on_subscribed: false, // H8: not in the owners' plan
  history_limit: 50,
  recreate_delay_s: 1, // R3: doubles up to 30 s
});

const COUNTS = ["poll_limit", "history_limit"];
const CHOICES = { poll_jitter_drawn: ["tick", "session"], cursor: ["last_seen", "confirmed"] };
const BOOLEANS = { 1: true, 0: false, true: true, false: false };

/** The plan with what the address says otherwise. Throws an AddressError that names a bad value. */
export function policyFrom(query) {
  const policy = { ...PLAN };
  for (const name of Object.keys(PLAN).filter((each) => query.has(each))) {
    const text = query.get(name);
    const value = read(name, text);
    if (value === undefined) throw new AddressError(name, text, ...allowed(name));
    policy[name] = value;
  }
  return Object.freeze(policy);
}

function read(name, text) {
  if (name in CHOICES) return CHOICES[name].includes(text) ? text : undefined;
  if (typeof PLAN[name] === "boolean") return BOOLEANS[text];
  const number = text.trim() === "" ? NaN : Number(text);
  if (COUNTS.includes(name)) return Number.isSafeInteger(number) && number > 0 ? number : undefined;
  return Number.isFinite(number) && number >= 0 ? number : undefined;
}

function allowed(name) {
  if (name in CHOICES) return ["choice", CHOICES[name]];
  if (typeof PLAN[name] === "boolean") return ["choice", ["1", "0"]];
  return [COUNTS.includes(name) ? "count" : "number"];
}
