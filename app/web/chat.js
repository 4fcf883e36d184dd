// The conversation: a question, its answer as it is written, the markers that open its sources.

import { ask, call } from "./api.js";
import { announce, byId, el, icon, languageOf } from "./dom.js";
import { number, percent, seconds, t } from "./i18n.js";
import { closeSources, grouped, openSources, titleOf } from "./sources.js";

const REMEMBERED = 12; // messages of history sent along
const MARKER = /\[(\d{1,3})\]/g;

const turns = byId("turns");
const composer = byId("composer");
const field = byId("question");
let history = [];
let running = null; // the AbortController of the answer being written

/** Paragraphs, each with the direction of its own first letter. `cite(n)` gives a marker's node, or null for plain text. */
function paragraphs(text, cite) {
  return text.split(/\n{2,}/).filter((part) => part.trim()).map((part) => {
    const node = el("p", { dir: "auto", lang: languageOf(part) });
    let from = 0;
    for (const match of part.matchAll(MARKER)) {
      const marker = cite(Number(match[1]));
      if (!marker) continue;
      node.append(part.slice(from, match.index), marker);
      from = match.index + match[0].length;
    }
    node.append(part.slice(from));
    return node;
  });
}

const spoken = (text) => text.replace(MARKER, "").replace(/[ \t]+([.,;:!?،؛؟。，])/g, "$1").trim();

function markerButton(answer, citation) {
  const label = t("citation", { n: citation.marker, title: titleOf(citation) });
  return el("button", {
    class: "marker", type: "button", dir: "ltr", "aria-label": label, title: titleOf(citation),
    onclick: (event) => openSources(answer, { marker: citation.marker }, event.currentTarget),
  }, String(citation.marker));
}

function sourceCards(answer) {
  const groups = grouped(answer);
  if (!groups.length) return null;
  const cited = groups.filter((group) => group.citations.length);
  const rest = groups.filter((group) => !group.citations.length);
  const card = ({ source, citations }) => el("li", {}, el("button", {
    class: "card", type: "button",
    onclick: (event) => openSources(answer, citations.length ? { marker: citations[0].marker } : { chunk: source }, event.currentTarget),
  },
  citations.length ? el("span", { class: "badge", dir: "ltr" }, String(citations[0].marker)) : null,
  el("span", { class: "card-title", dir: "auto" }, titleOf(source)),
  source.page ? el("bdi", { class: "card-page" }, t("page", { n: number(source.page) })) : null));
  const cards = (some) => el("ul", { class: "cards" }, ...some.map(card));
  if (answer.abstained || !cited.length) {
    return el("div", { class: "looked" }, el("h3", {}, el("bdi", {}, t("looked"))), cards(groups));
  }
  return el("div", { class: "looked" }, cards(cited),
    rest.length ? el("details", {}, el("summary", {}, el("bdi", {}, t("more"))), cards(rest)) : null);
}

/** Two buttons that say whether the answer helped. The last one pressed counts; one that is pressed stays so. */
function rating(question, answer) {
  const { request_id, collection, adapter } = answer;
  const node = el("span", { class: "rating", role: "group", "aria-label": t("rating") });
  const press = async (given) => {
    const chunk_ids = (answer.sources ?? []).map((source) => source.chunk_id);
    const json = { request_id, question, answer: answer.answer, chunk_ids, collection, adapter, rating: given };
    try {
      await call("/feedback", { method: "POST", json });
      for (const one of node.children) one.setAttribute("aria-pressed", String(one.dataset.rating === given));
      announce(t("rated"));
    } catch (error) {
      announce(error.message);
      node.title = error.message;
    }
  };
  node.append(...[["up", "good"], ["down", "bad"]].map(([given, name]) => el("button", {
    class: "icon", type: "button", "data-rating": given, "aria-pressed": "false", "aria-label": t(name), title: t(name),
    onclick: () => press(given),
  }, icon(name))));
  return node;
}

function footer(question, answer) {
  const { timings_ms: ms, adapter } = answer;
  const facts = [
    typeof answer.groundedness === "number" && !answer.abstained
      ? el("span", { class: "grounded" }, el("meter", { min: 0, max: 1, low: 0.5, high: 0.75, optimum: 1, value: answer.groundedness, "aria-hidden": "true" }),
        el("bdi", {}, t("grounded", { n: percent(answer.groundedness) }))) : null,
    el("span", { class: "adapter", dir: "auto", title: adapter?.version }, adapter ? adapter.name : t("base")),
    answer.model ? el("span", { dir: "ltr" }, answer.model) : null,
    ms?.first_token > 0 ? el("bdi", {}, t("firstToken", { n: seconds(ms.first_token) })) : null,
    ms?.total > 0 ? el("bdi", {}, t("total", { n: seconds(ms.total) })) : null,
    answer.request_id ? rating(question, answer) : null,
  ];
  return el("footer", { class: "facts" }, ...facts);
}

class Turn {
  constructor(question) {
    this.state = el("p", { class: "state" }, t("searching"));
    this.body = el("div", { class: "answer" });
    this.node = el("article", { class: "turn", "aria-busy": "true" },
      el("h2", { class: "question", dir: "auto", lang: languageOf(question) }, question), this.state, this.body);
    this.question = question;
    this.text = "";
    this.frame = 0;
  }

  say(words) { this.state.hidden = !words; this.state.textContent = words; }

  add(text) {
    this.text += text;
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.body.replaceChildren(...paragraphs(this.text, (n) => el("span", { class: "marker pending", dir: "ltr" }, String(n))));
    });
  }

  /** Streaming is over, however it ended. */
  end() {
    cancelAnimationFrame(this.frame);
    this.node.removeAttribute("aria-busy");
    this.say("");
  }

  show(answer) {
    this.end();
    const byMarker = new Map((answer.citations ?? []).map((citation) => [citation.marker, citation]));
    const cite = (n) => byMarker.has(n) ? markerButton(answer, byMarker.get(n)) : null;
    this.body.replaceChildren(...paragraphs(answer.answer, cite));
    if (answer.abstained) {
      this.node.classList.add("abstained");
      this.body.prepend(el("p", { class: "verdict" }, t("abstained")));
      if (["no_documents", "weak_evidence", "unsupported_answer"].includes(answer.reason)) {
        this.body.append(el("p", { class: "reason" }, t(answer.reason)));
      }
    }
    const dir = languageOf(answer.answer) === "fa" ? "rtl" : "ltr"; // what follows stands on the answer's side
    for (const part of [sourceCards(answer), footer(this.question, answer)].filter(Boolean)) {
      part.dir = dir;
      this.node.append(part);
    }
    announce(`${t("ready")} ${spoken(answer.answer)}`);
  }

  stopped() {
    this.end();
    this.body.replaceChildren(...paragraphs(this.text, () => null));
    this.node.append(el("p", { class: "state" }, t("stopped")));
    announce(t("stopped"));
  }

  fail(error, retry) {
    this.end();
    this.node.append(el("div", { class: "problem", role: "alert" },
      el("p", { dir: "auto" }, error.message),
      el("p", { class: "problem-facts", dir: "ltr" }, [error.code, error.requestId && t("request", { id: error.requestId })].filter(Boolean).join(" · ")),
      el("button", { class: "text-button", type: "button", onclick: retry }, t("retry"))));
  }
}

function setRunning(controller) {
  running = controller;
  byId("send").hidden = Boolean(controller);
  byId("stop").hidden = !controller;
}

/** Ask one question; resolves when its answer is whole, stopped or failed. `choice()` -> {collection, adapter}. */
export async function submit(question, choice) {
  if (running || !question.trim()) return;
  const controller = new AbortController();
  setRunning(controller);
  byId("empty").hidden = true;
  closeSources({ refocus: false }); // it shows another answer's
  byId("new-conversation").hidden = false;
  const turn = new Turn(question);
  turns.append(turn.node);
  turn.node.scrollIntoView({ block: "start" });
  announce(t("searching"));
  try {
    const body = { question, history: history.slice(-REMEMBERED), ...choice() };
    const onWait = (wait) => { turn.say(t("starting", { n: number(wait) })); announce(turn.state.textContent); };
    for await (const { event, data } of ask(body, { signal: controller.signal, onWait })) {
      if (controller.signal.aborted) break; // the conversation was left in this very moment
      if (event === "sources") turn.say(t("writing"));
      else if (event === "token") { turn.say(""); turn.add(data.text); }
      else if (event === "answer") {
        turn.show(data);
        // An abstention or half an answer says nothing worth remembering.
        if (!data.abstained) {
          history.push({ role: "user", content: question }, { role: "assistant", content: spoken(data.answer) });
        }
      }
    }
  } catch (error) {
    if (controller.signal.aborted) turn.stopped();
    else {
      turn.fail(error, () => { turn.node.remove(); submit(question, choice); });
      if (!error.code) console.error(error); // a fault of this page's own
    }
  } finally {
    if (running === controller) setRunning(null);
  }
}

export function stop() {
  if (!running) return false;
  running.abort();
  setRunning(null);
  field.focus();
  return true;
}

export function newConversation() {
  stop();
  closeSources();
  history = [];
  turns.replaceChildren();
  byId("new-conversation").hidden = true;
  field.focus();
}

export const conversing = () => turns.childElementCount > 0;

/** Wire the composer: Enter sends, Shift+Enter breaks the line; an input method's own Enter is left alone. */
export function startChat(choice) {
  const fit = () => { // browsers with `field-sizing: content` need no help
    if (CSS.supports("field-sizing", "content")) return;
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight}px`;
  };
  composer.addEventListener("submit", (event) => {
    event.preventDefault();
    if (running) return;
    const question = field.value.trim();
    if (!question) return;
    field.value = "";
    fit();
    submit(question, choice);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    composer.requestSubmit();
  });
  field.addEventListener("input", fit);
  byId("stop").addEventListener("click", stop);
}
