// What the page's address says: who, where, and how to behave.

import { AddressError } from "./address-error.js";
import { PLAN, policyFrom } from "./policy.js";

const FIRST_ROOM = "42";
const NAMES = ["user", "room", "role", "lang", "lifetime_s", "renew", "realtime"];
const ROLES = ["attendee", "moderator", "presenter"];
const LANGUAGES = ["en", "ko"];
// As the server has them (harness/server/page/accounts.py).
const MAX_NAME_BYTES = 14;
const MAX_ROOM = 2n ** 63n - 1n;
const MAX_LIFETIME_S = 86_400n;

/** Throws an AddressError that names what is wrong with the address. */
export function readAddress(query) {
  const whole = new URLSearchParams(query);
  checkNames([...whole.keys()]);
  if (!whole.has("user")) whole.set("user", `guest-${Math.floor(Math.random() * 900 + 100)}`);
  if (!whole.has("room")) whole.set("room", FIRST_ROOM);
  checkName(whole.get("user"));
  checkNumber("room", whole.get("room"), MAX_ROOM);
  const account = { user: whole.get("user"), webinar: whole.get("room") };
  if (whole.has("role")) account.role = oneOf("role", whole.get("role"), ROLES);
  if (whole.has("lang")) oneOf("lang", whole.get("lang"), LANGUAGES);
  if (whole.has("lifetime_s")) {
    checkNumber("lifetime_s", whole.get("lifetime_s"), MAX_LIFETIME_S);
    account.lifetime_s = whole.get("lifetime_s");
  }
  const renew = whole.has("renew") ? oneOf("renew", whole.get("renew"), ["1", "0"]) : "1";
  return {
    query: whole,
    account,
    policy: policyFrom(whole),
    renew: renew === "1", // H9: a token that nobody renews
    realtime: whole.has("realtime") ? socketAddress(whole.get("realtime")) : null,
  };
}

/** A mistyped name would leave the tester with the default, and not know it. */
function checkNames(names) {
  const known = [...NAMES, ...Object.keys(PLAN)];
  for (const name of names) {
    if (!known.includes(name)) throw new AddressError(name, null, "unknown", known);
    if (names.indexOf(name) !== names.lastIndexOf(name)) {
      throw new AddressError(name, null, "twice");
    }
  }
}

function checkName(name) {
  const bytes = new TextEncoder().encode(name).length;
  if (bytes < 1 || bytes > MAX_NAME_BYTES || name !== name.trim()) {
    throw new AddressError("user", name, "name", MAX_NAME_BYTES);
  }
}

function checkNumber(field, text, most) {
  const number = /^[0-9]{1,19}$/.test(text) ? BigInt(text) : 0n;
  if (number < 1n || number > most) throw new AddressError(field, text, "whole", most);
}

function oneOf(field, text, choices) {
  if (!choices.includes(text)) throw new AddressError(field, text, "choice", choices);
  return text;
}

/** Realtime at another address than the server's own, such as Toxiproxy's. */
function socketAddress(text) {
  const address = URL.canParse(text) ? new URL(text) : null;
  if (!address || !/^(http|ws)s?:$/.test(address.protocol)) {
    throw new AddressError("realtime", text, "address", "http://127.0.0.1:4000");
  }
  return `${address.protocol.replace("http", "ws")}//${address.host}`;
}
