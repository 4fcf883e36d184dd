// What the service keeps, as a file of the reader's: fetched with the key, which a plain link would not send.

import { send } from "./api.js";
import { el } from "./dom.js";

const KEPT_MS = 60_000; // how long what was fetched can be opened

export function objectUrl(bytes, type) {
  const url = URL.createObjectURL(new Blob([bytes], { type }));
  setTimeout(() => URL.revokeObjectURL(url), KEPT_MS);
  return url;
}

export async function download(path, name) {
  const response = await send(path);
  // Bytes without a type: a stored HTML page must never open as a page of this origin.
  el("a", { href: objectUrl(await response.arrayBuffer(), "application/octet-stream"), download: name }).click();
}
