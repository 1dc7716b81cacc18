// The chat's HTTP answers, every one of them in the shape of S8: {success, message(s)?, error?}.

/**
 * Why there is no usable answer. kind: "timeout", "network", "bad_answer", "token" (a 401),
 * "forbidden" (a 403) or "refused".
 */
export class AnswerError extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

// Said by the API itself; a 403 whose body is a proxy's page says nothing about the token.
const REFUSALS = { 401: "token", 403: "forbidden" };

/**
 * Asks the API for JSON and gives up after timeoutS seconds. An HTML page, an empty body and an
 * answer that never comes are all survived (S8): they end as an AnswerError.
 */
export async function ask(path, { method = "GET", token, body, timeoutS }) {
  let text, status;
  try {
    const response = await fetch(path, {
      method,
      body: body === undefined ? undefined : JSON.stringify(body),
      headers: {
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      cache: "no-store",
      signal: AbortSignal.timeout(timeoutS * 1000),
    });
    status = response.status;
    text = await response.text();
  } catch (error) {
    const late = error.name === "TimeoutError";
    throw new AnswerError(late ? "timeout" : "network", String(error.message));
  }
  const answer = parsed(text);
  if (typeof answer?.success !== "boolean") {
    throw new AnswerError("bad_answer", text.slice(0, 200));
  }
  if (!answer.success) throw new AnswerError(REFUSALS[status] ?? "refused", String(answer.error ?? ""));
  return answer;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no JSON at all: the caller sees that `success` is missing
  }
}

export function isRow(row) {
  return Number.isSafeInteger(row?.id) && typeof row.client_msg_id === "string";
}
