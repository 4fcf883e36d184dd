// The chat page's composition root: collections, adapters, the empty state.

import { call, list } from "./api.js";
import { conversing, newConversation, startChat, stop, submit } from "./chat.js";
import { documents, nameOf, refresh, showCollection, startDocuments } from "./documents.js";
import { byId, el, languageOf, prompt } from "./dom.js";
import { t } from "./i18n.js";
import { questionOf } from "./samples.js";
import { shown, startShell } from "./shell.js";
import { closeSources } from "./sources.js";

const KEPT = "simurgh.collection";
const collections = byId("collection");
const adapters = byId("adapter");

/** What POST /ask is told: null asks for the collection's default adapter. */
const choice = () => ({ collection: collections.value || "default", adapter: adapters.value || null });

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
  const chosen = adapters.options.length ? adapters.value : new URLSearchParams(location.search).get("adapter");
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

function wire() {
  startChat(choice);
  startDocuments(drawEmpty);
  collections.addEventListener("change", chooseCollection);
  byId("collection-new").addEventListener("click", newCollection);
  byId("new-conversation").addEventListener("click", () => { newConversation(); drawEmpty(); });
  document.addEventListener("simurgh:language", () => {
    for (const option of adapters.options) {
      if (option.value === "") option.textContent = t("adapterDefault");
      if (option.value === "base") option.textContent = t("adapterBase");
    }
    drawEmpty();
  });
  addEventListener("focus", () => { // back from elsewhere, where documents and adapters may have been added
    refresh().catch(() => {});
    loadAdapters().catch(() => {});
  });
}

async function start() {
  wire();
  startShell(() => stop() || closeSources());
  byId("empty").hidden = true;
  await shown(async () => {
    await loadCollections();
    await Promise.all([showCollection(collections.value), loadAdapters()]);
  });
  if (matchMedia("(pointer: fine)").matches) byId("question").focus();
}

start();
