// What the page's address says: who, where, and how to behave.

import { AddressError, policyFrom } from "./policy.js";

const FIRST_ROOM = "42";

/** Throws an AddressError that names what is wrong with the address. */
export function readAddress(query) {
  const whole = new URLSearchParams(query);
  if (!whole.has("user")) whole.set("user", `guest-${Math.floor(Math.random() * 900 + 100)}`);
  if (!whole.has("room")) whole.set("room", FIRST_ROOM);
  const account = { user: whole.get("user"), webinar: whole.get("room") };
  for (const name of ["role", "lifetime_s"]) {
    if (whole.has(name)) account[name] = whole.get(name);
  }
  return {
    query: whole,
    account,
    policy: policyFrom(whole),
    renew: whole.get("renew") !== "0", // H9: a token that nobody renews
    realtime: whole.has("realtime") ? socketAddress(whole.get("realtime")) : null,
  };
}

/** Realtime at another address than the server's own, such as Toxiproxy's. */
function socketAddress(text) {
  const address = URL.canParse(text) ? new URL(text) : null;
  if (!address || !/^(http|ws)s?:$/.test(address.protocol)) {
    throw new AddressError(`realtime=${text}: must be like http://127.0.0.1:4000`);
  }
  return `${address.protocol.replace("http", "ws")}//${address.host}`;
}
