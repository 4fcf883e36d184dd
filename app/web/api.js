// The HTTP contract: requests, errors of its one form, the key, patience with a starting engine, event streams.

import { t } from "./i18n.js";

const KEY = "simurgh.key";
const PATIENCE_MS = 5 * 60_000; // an engine's first start, with room
const LONGEST_WAIT_S = 20;

export class ApiError extends Error {
  constructor(status, body, retryAfter = null) {
    super(body?.error?.message ?? (status ? `HTTP ${status}` : t("offline")));
    this.status = status;
    this.code = body?.error?.code ?? (status ? "http_error" : "offline");
    this.param = body?.error?.param ?? null;
    this.requestId = body?.error?.request_id ?? null;
    this.retryAfter = retryAfter; // seconds, or null
  }
}

// --- The key: asked for only when the server answers 401; all who wait share one question. ---

let keyAsker = async () => null;
let asking = null;

/** `asker(refused)` resolves to a key, or to null when the reader gives up. */
export const onKeyNeeded = (asker) => { keyAsker = asker; };

const authorization = () => {
  const key = sessionStorage.getItem(KEY);
  return key ? `Bearer ${key}` : null;
};

/** Whether a plain link of the browser's, which carries no key, would be refused. */
export const keyed = () => authorization() !== null;

/** True when there is now another key than `used`, the header that was refused. */
async function newKey(used) {
  if (authorization() !== used) return true;
  asking ??= keyAsker(used !== null).finally(() => { asking = null; });
  const key = await asking;
  if (key) sessionStorage.setItem(KEY, key);
  return Boolean(key);
}

// --- Requests ---

const pause = (ms, signal) => new Promise((resolve, reject) => {
  const stop = () => { clearTimeout(timer); reject(signal.reason); };
  const timer = setTimeout(() => { signal?.removeEventListener("abort", stop); resolve(); }, ms);
  if (signal?.aborted) stop();
  else signal?.addEventListener("abort", stop, { once: true });
});

function errorOf(status, text, retryAfter) {
  let body = null;
  try { body = JSON.parse(text); } catch { /* not ours: a proxy's page; the status says enough */ }
  const after = retryAfter === null ? null : Number.parseFloat(retryAfter);
  return new ApiError(status, body, Number.isFinite(after) ? after : null);
}

/**
 * The response of one request, its status 2xx. Throws ApiError.
 * A 503 with Retry-After is waited out, within PATIENCE_MS; `onWait(seconds)` is told each time.
 */
export async function send(path, { method = "GET", json, signal, onWait = () => {} } = {}) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const used = authorization();
    const headers = {};
    if (used) headers.Authorization = used;
    if (json !== undefined) headers["Content-Type"] = "application/json";
    let response;
    try {
      response = await fetch(path, { method, headers, signal, body: json === undefined ? undefined : JSON.stringify(json) });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new ApiError(0, null);
    }
    if (response.ok) return response;
    const error = errorOf(response.status, await response.text(), response.headers.get("Retry-After"));
    if (error.status === 401 && await newKey(used)) continue;
    if (error.status !== 503 || error.retryAfter === null) throw error;
    const wait = Math.min(Math.max(error.retryAfter, 1), LONGEST_WAIT_S);
    if (Date.now() + wait * 1000 > deadline) throw error;
    onWait(wait);
    await pause(wait * 1000, signal);
  }
}

export async function call(path, options) {
  const response = await send(path, options);
  return response.status === 204 ? null : response.json().catch(() => null);
}

/** The items of a paged list, page by page as they are asked for. */
export async function* each(path) {
  const join = path.includes("?") ? "&" : "?";
  let after = "";
  for (;;) {
    const page = await call(`${path}${join}limit=100${after}`);
    yield* page.data;
    const last = page.data.at(-1);
    if (!page.has_more || !last) return;
    after = `&after=${encodeURIComponent(last.id ?? last.document_id ?? last.name)}`;
  }
}

/** Every item of a paged list, at most `most`. */
export async function list(path, most = 1000) {
  const items = [];
  for await (const item of each(path)) {
    if (items.push(item) >= most) break;
  }
  return items;
}

/** What each part of the service says of itself. A 503 is an answer here, and nothing to wait for. */
export async function health() {
  try {
    return (await (await fetch("/health/ready")).json()).parts;
  } catch {
    throw new ApiError(0, null);
  }
}

/** POST of a form by XHR, whose upload reports progress: `onProgress(share)`, 0 to 1. */
export async function upload(path, fields, onProgress) {
  for (;;) {
    const used = authorization();
    try {
      return await new Promise((resolve, reject) => {
        const form = new FormData();
        for (const [name, value] of Object.entries(fields)) form.append(name, value);
        const xhr = new XMLHttpRequest();
        xhr.open("POST", path);
        if (used) xhr.setRequestHeader("Authorization", used);
        xhr.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
        xhr.onerror = () => reject(new ApiError(0, null));
        xhr.onload = () => {
          if (xhr.status >= 200 && xhr.status < 300) resolve(JSON.parse(xhr.responseText));
          else reject(errorOf(xhr.status, xhr.responseText, xhr.getResponseHeader("Retry-After")));
        };
        xhr.send(form);
      });
    } catch (error) {
      if (error.status !== 401 || !await newKey(used)) throw error;
    }
  }
}

// --- Streams ---

/** Server-sent events of a response body: yields {event, data}, data parsed from JSON. */
export async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    buffer = (buffer + value).replace(/\r\n/g, "\n");
    let end;
    while ((end = buffer.indexOf("\n\n")) >= 0) {
      const block = buffer.slice(0, end);
      buffer = buffer.slice(end + 2);
      let event = "message";
      const data = [];
      for (const line of block.split("\n")) {
        if (line.startsWith("event:")) event = line.slice(6).trim();
        else if (line.startsWith("data:")) data.push(line.slice(line[5] === " " ? 6 : 5));
      }
      if (data.length) yield { event, data: JSON.parse(data.join("\n")) };
    }
  }
}

/** POST /ask, streamed: yields sources, token and, last, answer. Throws ApiError. */
export async function* ask(body, { signal, onWait }) {
  const response = await send("/ask", { method: "POST", json: { ...body, stream: true }, signal, onWait });
  try {
    for await (const { event, data } of events(response.body)) {
      if (event === "error") throw new ApiError(response.status, data.error ? data : { error: data });
      yield { event, data };
      if (event === "answer") return;
    }
  } catch (error) {
    if (signal.aborted || error instanceof ApiError) throw error;
    throw new ApiError(response.status, { error: { code: "stream_lost", message: t("cut") } });
  }
  throw new ApiError(response.status, { error: { code: "stream_lost", message: t("cut") } });
}
