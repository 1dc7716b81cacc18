// The chat's HTTP answers, every one of them in the shape of S8: {success, message(s)?, error?}.

/** Why there is no usable answer. kind: "timeout", "network", "bad_answer" or "refused". */
export class AnswerError extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

/**
 * Asks the API for JSON and gives up after timeoutS seconds. An HTML page, an empty body and an
 * answer that never comes are all survived (S8): they end as an AnswerError.
 */
export async function ask(path, { method = "GET", token, body, timeoutS }) {
  let text;
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
    text = await response.text();
  } catch (error) {
    const late = error.name === "TimeoutError";
    throw new AnswerError(late ? "timeout" : "network", String(error.message));
  }
  const answer = parsed(text);
  if (typeof answer?.success !== "boolean") {
    throw new AnswerError("bad_answer", text.slice(0, 200));
  }
  if (!answer.success) throw new AnswerError("refused", String(answer.error ?? ""));
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
