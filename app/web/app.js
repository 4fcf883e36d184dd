// The page's composition root: collections, adapters, the key, the empty state, and who hears which key press.

import { call, list, onKeyNeeded } from "./api.js";
import { conversing, newConversation, startChat, stop, submit } from "./chat.js";
import { documents, nameOf, refresh, showCollection, startDocuments } from "./documents.js";
import { byId, el, languageOf, prompt } from "./dom.js";
import { firstLanguage, setLanguage, t } from "./i18n.js";
import { questionOf } from "./samples.js";
import { closeSources } from "./sources.js";

const KEPT = "simurgh.collection";
const collections = byId("collection");
const adapters = byId("adapter");
const banner = byId("banner");

/** What POST /ask is told: null asks for the collection's default adapter. */
const choice = () => ({ collection: collections.value || "default", adapter: adapters.value || null });

/** Run one of the page's own requests; its failure is shown, with a way to try again. */
async function shown(work) {
  try {
    banner.hidden = true;
    await work();
  } catch (error) {
    banner.replaceChildren(el("span", { dir: "auto" }, error.message),
      el("button", { class: "text-button", type: "button", onclick: () => shown(work) }, t("retry")));
    banner.hidden = false;
    if (!error.code) console.error(error);
  }
}

// --- Collections and adapters ---

async function loadCollections(select) {
  const found = await list("/collections");
  const names = found.map((collection) => collection.name);
  if (!names.length) names.push("default");
  const wanted = [select, localStorage.getItem(KEPT), "default"].find((name) => names.includes(name)) ?? names[0];
  collections.replaceChildren(...names.map((name) => el("option", { value: name, selected: name === wanted }, name)));
  byId("where").textContent = wanted;
}

async function chooseCollection() {
  localStorage.setItem(KEPT, collections.value);
  byId("where").textContent = collections.value;
  newConversation();
  await shown(() => showCollection(collections.value));
}

async function loadAdapters() {
  const ready = (await list("/adapters")).filter((adapter) => adapter.status === "ready");
  const chosen = adapters.value;
  adapters.replaceChildren(
    el("option", { value: "" }, t("adapterDefault")),
    el("option", { value: "base" }, t("adapterBase")),
    ...ready.map((adapter) => el("option", { value: adapter.name }, adapter.name)));
  adapters.value = [...adapters.options].some((option) => option.value === chosen) ? chosen : "";
}

async function newCollection() {
  const problem = byId("collection-problem");
  problem.hidden = true;
  const name = await prompt(byId("collection-dialog"), byId("collection-name"), problem, async (value) => {
    await call("/collections", { method: "POST", json: { name: value } });
    return value;
  });
  if (!name) return;
  await shown(async () => { await loadCollections(name); await chooseCollection(); });
}

// --- The empty state ---

function drawEmpty() {
  byId("empty").hidden = conversing();
  const held = documents().filter((document) => document.status !== "failed");
  byId("empty-title").textContent = held.length ? t("emptyTitle") : t("bareTitle");
  byId("empty-text").textContent = held.length ? t("emptyText") : t("bareText");
  const own = (question) => Number(languageOf(question) !== document.documentElement.lang); // the reader's language first
  const known = held.map(questionOf).filter(Boolean).sort((a, b) => own(a) - own(b));
  const titles = held.map(nameOf).map((title) => t("aboutTitle", { title }));
  const questions = [...new Set(known.length ? known : titles)].slice(0, 3);
  byId("suggestions").replaceChildren(...questions.map((question) => el("button", {
    class: "suggestion", type: "button", dir: "auto", lang: languageOf(question),
    onclick: () => { byId("question").focus(); submit(question, choice); },
  }, question)));
}

// --- The library as a drawer on narrow screens ---

function drawer(open) {
  if (byId("veil").hidden === !open) return false;
  byId("shell").classList.toggle("with-library", open);
  byId("library-open").setAttribute("aria-expanded", String(open));
  byId("veil").hidden = !open;
  byId(open ? "library-close" : "library-open").focus();
  return true;
}

function wire() {
  startChat(choice);
  startDocuments(drawEmpty);
  onKeyNeeded((refused) => {
    const problem = byId("key-problem");
    problem.textContent = t("keyRefused");
    problem.hidden = !refused;
    return prompt(byId("key-dialog"), byId("key"), problem, async (key) => key);
  });
  collections.addEventListener("change", chooseCollection);
  byId("collection-new").addEventListener("click", newCollection);
  byId("new-conversation").addEventListener("click", () => { newConversation(); drawEmpty(); });
  byId("library-open").addEventListener("click", () => drawer(true));
  byId("library-close").addEventListener("click", () => drawer(false));
  byId("veil").addEventListener("click", () => drawer(false));
  for (const button of document.querySelectorAll("[data-lang]")) {
    button.addEventListener("click", () => setLanguage(button.dataset.lang));
  }
  document.addEventListener("simurgh:language", () => {
    for (const option of adapters.options) {
      if (option.value === "") option.textContent = t("adapterDefault");
      if (option.value === "base") option.textContent = t("adapterBase");
    }
    drawEmpty();
  });
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
    if (stop() || closeSources() || drawer(false)) event.preventDefault();
  });
  addEventListener("focus", () => { // back from elsewhere, where documents and adapters may have been added
    refresh().catch(() => {});
    loadAdapters().catch(() => {});
  });
}

async function start() {
  wire();
  firstLanguage();
  byId("empty").hidden = true;
  await shown(async () => {
    await loadCollections();
    await Promise.all([showCollection(collections.value), loadAdapters()]);
  });
  if (matchMedia("(pointer: fine)").matches) byId("question").focus();
}

start();
