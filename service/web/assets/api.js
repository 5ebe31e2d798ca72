// Requests to this server. The header x-gradus-page says that the page asks, not another site.
export class ApiError extends Error {
  constructor(status, message, code) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

async function refuse(response) {
  let message = "The server answered " + response.status + ".";
  let code = null;
  try {
    const error = (await response.json()).error;
    message = error.message;
    code = error.code;
  } catch { /* not a JSON body */ }
  if (response.status === 401) dispatchEvent(new Event("gradus-login"));
  throw new ApiError(response.status, message, code);
}

async function request(path, options = {}) {
  options.headers = { "x-gradus-page": "1", ...options.headers };
  options.credentials = "same-origin";
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "The server does not answer.", "no_answer");
  }
  if (!response.ok) await refuse(response);
  return response;
}

export async function get(path) {
  return (await request(path)).json();
}

export async function send(method, path, body) {
  const response = await request(path, body === undefined ? { method } : {
    method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  return response.json();
}

export async function upload(file, purpose) {
  const form = new FormData();
  form.append("purpose", purpose);
  form.append("file", file);
  return (await request("/v1/files", { method: "POST", body: form })).json();
}

/** The beginning of a file; a mebibyte at most. */
export async function beginning(path) {
  return (await request(path, { headers: { range: "bytes=0-1048575" } })).text();
}

/** Server-sent events of a POST, one parsed object after the other. */
export async function* stream(path, body, signal) {
  const response = await request(path, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    buffer += value;
    for (let end; (end = buffer.indexOf("\n\n")) >= 0; buffer = buffer.slice(end + 2)) {
      for (const line of buffer.slice(0, end).split("\n")) {
        if (!line.startsWith("data:")) continue;
        const data = line.slice(5).trim();
        if (data === "[DONE]") return;
        const piece = JSON.parse(data);
        if (piece.error) throw new ApiError(500, piece.error.message, piece.error.code);
        yield piece;
      }
    }
  }
}
