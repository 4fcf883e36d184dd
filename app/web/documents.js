// The library: what a collection holds, and what is on its way into it.

import { call, list, upload } from "./api.js";
import { askedFirst } from "./confirm.js";
import { announce, byId, el, icon } from "./dom.js";
import { named, number, percent, t } from "./i18n.js";

const AT_ONCE = 2; // uploads under way
const POLL_MS = [400, 2000]; // first, slowest

const rows = byId("uploads");
const shelf = byId("documents");
const waiting = [];
let uploading = 0;
let collection = "default";
let held = [];
const arriving = new Set(); // ids told about under "being added", so not on the shelf as well
let changed = () => {};

export const documents = () => held;
/** The document's name as the reader knows it. */
export const nameOf = (document) => document.title || document.name || document.uri || idOf(document);
const idOf = (document) => document.document_id ?? document.id;
const reasonOf = (error) => (typeof error === "string" ? error : error?.message ?? null);
const isError = (document) => document.status === "failed";

// --- On the shelf ---

function shelfRow(document) {
  const name = nameOf(document);
  const words = { done: "", queued: t("queued"), processing: t("running"), failed: t("failed"), cancelled: t("cancelled") };
  const facts = [
    words[document.status] ?? document.status,
    document.pages ? t(document.pages === 1 ? "onePage" : "pages", { n: number(document.pages) }) : "",
    document.unread_pages?.length ? t("unread", { n: document.unread_pages.map(number).join(" ") }) : "",
  ].filter(Boolean).join(" · ");
  const remove = askedFirst(
    el("button", { class: "icon", type: "button", "aria-label": t("deleteIt", { title: name }) }, icon("bin")),
    { yes: t("yes"), no: t("no"), label: t("deleteIt", { title: name }) }, destroy);
  const row = el("li", { class: isError(document) ? "failed" : null },
    icon("file"),
    el("div", { class: "row-text" },
      el("span", { class: "row-name", dir: "auto", title: name }, name),
      facts ? el("span", { class: "row-facts" }, facts) : null,
      isError(document) && reasonOf(document.error) ? el("span", { class: "row-reason", dir: "auto" }, reasonOf(document.error)) : null),
    remove);

  async function destroy() {
    try {
      await call(`/documents/${encodeURIComponent(idOf(document))}`, { method: "DELETE" });
    } catch (error) {
      if (error.status !== 404) { // 404: someone else was quicker
        row.querySelector(".row-text").append(el("span", { class: "row-reason", dir: "auto", role: "alert" }, error.message));
        return;
      }
    }
    await refresh();
    byId("question").focus();
  }
  return row;
}

export async function refresh() {
  const of = collection;
  const found = await list(`/documents?collection=${encodeURIComponent(of)}`);
  if (of !== collection) return; // another was chosen meanwhile
  held = found;
  draw();
  changed();
}

function draw() {
  const shown = held.filter((document) => !arriving.has(idOf(document)));
  shelf.replaceChildren(...shown.map(shelfRow));
  byId("count").textContent = shown.length ? number(shown.length) : "";
  byId("shelf-note").hidden = shown.length > 0;
  byId("shelf-note").textContent = t("shelfEmpty");
}

export async function showCollection(name) {
  collection = name;
  held = [];
  draw();
  await refresh();
}

// --- On the way ---

class Arrival {
  constructor(name, start) {
    this.name = name;
    this.ids = [];
    this.start = start; // (progress) -> the reply of POST /ingest
    this.state = el("span", { class: "row-facts" });
    this.bar = el("progress", { max: 1, "aria-label": name });
    this.text = el("div", { class: "row-text" }, el("span", { class: "row-name", dir: "auto", title: name }, name), this.state, this.bar);
    this.node = el("li", { class: "arrival" }, icon("file"), this.text);
    rows.append(this.node);
    this.show(t("queued"));
  }

  show(words, share = null) {
    this.state.textContent = words;
    if (share === null) this.bar.removeAttribute("value");
    else this.bar.value = share;
  }

  async run() {
    try {
      const reply = await this.start((share) => this.show(t("sending", { n: percent(share) }), share));
      if (reply.documents.length && reply.documents.every((document) => document.status === "unchanged")) {
        this.show(t("unchanged"), 1);
      } else {
        this.ids = reply.documents.map(idOf);
        for (const id of this.ids) arriving.add(id);
        await this.follow(reply.job_id);
        this.land();
      }
      announce(`${this.name}: ${this.state.textContent}`);
      await refresh().catch(() => {});
      setTimeout(() => this.node.remove(), 1500);
    } catch (error) {
      this.fail(error.message);
    }
  }

  /** Poll the job to its end. A document that failed is told with its reason; the others are in. */
  async follow(jobId) {
    for (let wait = POLL_MS[0]; ; wait = Math.min(wait * 1.3, POLL_MS[1])) {
      const job = await call(`/jobs/${encodeURIComponent(jobId)}`);
      const { done, total, stage: name, chunks_done: chunks, chunks_total: of } = job.progress ?? {};
      if (["succeeded", "failed", "cancelled"].includes(job.status)) {
        const failed = (job.documents ?? []).filter(isError);
        if (failed.length || job.status !== "succeeded") {
          throw new Error(failed.map((document) => reasonOf(document.error)).filter(Boolean).join(" ")
            || reasonOf(job.error) || t(job.status === "cancelled" ? "cancelled" : "failed"));
        }
        this.show(named("stages", "done"), 1);
        return;
      }
      const share = of ? chunks / of : total > 1 ? done / total : null; // of a single file, its chunks tell more
      this.show(job.status === "running" ? (name ? named("stages", name) : t("running")) : t("queued"), share);
      await new Promise((resolve) => { setTimeout(resolve, wait); });
    }
  }

  /** From here on its documents are the shelf's. */
  land() {
    for (const id of this.ids) arriving.delete(id);
    draw();
  }

  leave() {
    this.land();
    this.node.remove();
  }

  fail(reason) {
    this.node.classList.add("failed");
    this.bar.remove();
    this.state.textContent = t("failed");
    const again = () => { this.leave(); enqueue(new Arrival(this.name, this.start)); };
    this.text.append(
      el("span", { class: "row-reason", dir: "auto", role: "alert" }, reason),
      el("span", { class: "row-actions" },
        this.start && el("button", { class: "text-button", type: "button", onclick: again }, t("retry")),
        el("button", { class: "text-button", type: "button", onclick: () => this.leave() }, t("dismiss"))));
    refresh().catch(() => {});
  }
}

function enqueue(arrival) {
  waiting.push(arrival);
  next();
}

function next() {
  while (uploading < AT_ONCE && waiting.length) {
    uploading += 1;
    waiting.shift().run().finally(() => { uploading -= 1; next(); });
  }
}

export function addFiles(files) {
  const into = collection;
  for (const file of files) enqueue(new Arrival(file.name, (progress) => upload("/ingest", { collection: into, file }, progress)));
}

export function addUrl(url) {
  const into = collection;
  enqueue(new Arrival(url, () => call("/ingest", { method: "POST", json: { collection: into, urls: [url] } })));
}

// --- Doors: the button, the address field, the whole window ---

function startDrop() {
  const cover = byId("drop");
  let depth = 0; // dragenter and dragleave come for every child
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  const end = () => { depth = 0; cover.hidden = true; };
  addEventListener("dragenter", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth += 1;
    byId("drop-text").textContent = t("dropHere", { name: collection });
    cover.hidden = false;
  });
  addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
  addEventListener("dragleave", () => { depth -= 1; if (depth <= 0) end(); });
  addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    end();
    const folders = new Set([...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.())
      .filter((entry) => entry?.isDirectory).map((entry) => entry.name));
    addFiles([...event.dataTransfer.files].filter((file) => !folders.has(file.name)));
    for (const name of folders) new Arrival(name, null).fail(t("folder"));
  });
}

/** `onChange()` is called when the list of documents has changed. */
export function startDocuments(onChange) {
  changed = onChange;
  const picker = byId("files");
  byId("add-files").addEventListener("click", () => picker.click());
  picker.addEventListener("change", () => { addFiles(picker.files); picker.value = ""; });
  byId("url-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const field = byId("url");
    const url = field.value.trim();
    if (!url) return field.focus();
    field.value = "";
    return addUrl(/^[a-z][a-z\d+.-]*:/i.test(url) ? url : `https://${url}`);
  });
  document.addEventListener("simurgh:language", draw);
  startDrop();
}
