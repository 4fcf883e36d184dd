// The panel that shows what an answer rests on: every source of it, the cited words marked in place.

import { byId, el, icon, languageOf } from "./dom.js";
import { download } from "./download.js";
import { number, t } from "./i18n.js";
import { readLink } from "./reading.js";
import { lines, pieces, spanOf } from "./spans.js";

const panel = byId("sources");
const list = byId("passages");
let opener = null;

export const titleOf = (source) => source.title || source.uri || source.document_id;
const same = (a, b) => a.document_id === b.document_id && a.chunk_id === b.chunk_id;

/** The answer's sources with their citations, the cited first in the order of their markers. */
export function grouped(answer) {
  const groups = (answer.sources ?? []).map((source) => ({ source, citations: [] }));
  for (const citation of answer.citations ?? []) {
    let group = groups.find((g) => same(g.source, citation));
    if (!group) groups.push(group = { source: { ...citation, text: citation.quote }, citations: [] });
    group.citations.push(citation);
  }
  const first = (group) => Math.min(...group.citations.map((c) => c.marker), Infinity);
  return groups
    .map((group, i) => ({ ...group, i }))
    .sort((a, b) => (first(a) === first(b) ? a.i - b.i : first(a) - first(b)));
}

/** Only a web address may become a link: a stored `javascript:` one stays text. */
function linkOf(uri) {
  if (!/^https?:\/\//i.test(uri ?? "")) return null;
  return el("a", { href: uri, target: "_blank", rel: "noopener noreferrer nofollow", dir: "ltr", class: "uri" }, uri);
}

/** What a download is saved as: the file's name where there was a file, else the title. */
const nameOf = (source) => (/^https?:/i.test(source.uri ?? "") ? titleOf(source) : (source.uri || titleOf(source)).split("/").at(-1));

function passage({ source, citations }) {
  const spans = [];
  const strays = [];
  for (const citation of citations) {
    const span = spanOf(source, citation);
    if (span) spans.push([...span, citation.marker]);
    else strays.push(citation);
  }
  const text = el("div", { class: "passage-text", dir: "auto", lang: languageOf(source.text) });
  let softStart = 0; // a piece may begin in mid-line; its breaks are judged on the whole text
  const soft = new Set();
  for (const line of lines(source.text)) {
    if (line.soft) soft.add(softStart);
    softStart += line.text.length;
  }
  let at = 0;
  for (const piece of pieces(source.text, spans)) {
    const into = piece.markers.length ? el("mark", { "data-markers": piece.markers.join(" "), tabindex: "-1" }) : text;
    let plain = "";
    for (const char of piece.text) {
      if (soft.has(at)) {
        into.append(plain, el("span", { class: "soft-break" }, char));
        plain = "";
      } else plain += char;
      at += char.length;
    }
    into.append(plain);
    if (into !== text) text.append(into);
  }
  const title = titleOf(source);
  return el("article", { class: "passage", "data-document": source.document_id, "data-chunk": source.chunk_id },
    el("header", {},
      ...citations.map((c) => c.marker).filter((m, i, all) => all.indexOf(m) === i)
        .map((marker) => el("span", { class: "badge", dir: "ltr" }, String(marker))),
      el("h3", { dir: "auto" }, title),
      readLink(source, citations[0] ?? source),
      el("button", {
        class: "icon", type: "button", "aria-label": t("original"), title: t("original"),
        onclick: (event) => download(`/documents/${encodeURIComponent(source.document_id)}/file`, nameOf(source))
          .catch((error) => { event.target.closest("button").title = error.message; }),
      }, icon("down"))),
    el("p", { class: "passage-meta" },
      source.page ? el("span", {}, t("page", { n: number(source.page) })) : null,
      typeof source.score === "number"
        ? el("span", {}, t("match", { n: number(source.score, { minimumFractionDigits: 2, maximumFractionDigits: 2 }) })) : null,
      linkOf(source.uri)),
    ...strays.map((c) => el("blockquote", { dir: "auto" }, el("mark", { "data-markers": c.marker, tabindex: "-1" }, c.quote))),
    text);
}

/** Open on one citation (`marker`) or on one source (`chunk`: a source). Focus goes to it, and back on closing. */
export function openSources(answer, { marker, chunk }, from) {
  opener = from;
  list.replaceChildren(...grouped(answer).map(passage));
  byId("sources-title").textContent = answer.abstained ? t("looked") : t("sources");
  panel.hidden = false;
  byId("shell").classList.add("with-sources");
  const marks = marker === undefined ? [] : [...list.querySelectorAll("mark")]
    .filter((mark) => mark.dataset.markers.split(" ").includes(String(marker)));
  for (const mark of marks) mark.classList.add("active");
  const target = marks[0] ?? (chunk && [...list.children].find((node) =>
    node.dataset.document === String(chunk.document_id) && node.dataset.chunk === String(chunk.chunk_id)));
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  (marks[0] ?? panel).focus({ preventScroll: true });
  target?.scrollIntoView({ block: marks.length ? "center" : "start", behavior: calm ? "auto" : "smooth" });
}

/** True when it was open. `refocus`: hand the focus back to what opened it. */
export function closeSources({ refocus = true } = {}) {
  if (panel.hidden) return false;
  panel.hidden = true;
  list.replaceChildren();
  byId("shell").classList.remove("with-sources");
  if (refocus) (opener?.isConnected ? opener : byId("question")).focus();
  return true;
}

byId("sources-close").addEventListener("click", () => closeSources());
