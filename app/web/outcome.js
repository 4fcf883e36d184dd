// What came of a training that ended: its error or its verdict, key figures, files, and the way to ask its adapter.

import { call, list } from "./api.js";
import { el, icon, said } from "./dom.js";
import { download } from "./download.js";
import { named, number, percent, t } from "./i18n.js";

const plain = (value) => number(value, { maximumSignificantDigits: 3 });
// Figures that are shown where they were measured; those of the base are named the same, with `_base` behind.
const MEASURES = { target_perplexity: plain, label_macro_f1: plain, f1: plain, general_accuracy: percent, ended: percent, scale: percent };

function failure({ code, message, param }) {
  const known = named("problems", code);
  const ofFile = param?.endsWith("_file") ? named("problems", "invalid_training_file") : t("failedFor");
  return el("div", { class: "failure" },
    el("p", {}, el("b", {}, known === code ? ofFile : known)),
    el("p", { dir: "auto", lang: "en" }, message),
    el("p", { class: "problem-facts" }, el("bdi", {}, param ? t("setting", { code, param }) : code)));
}

function verdict(told) {
  const reasons = told.filter(({ data }) => "passed" in data);
  if (!reasons.length) return null;
  return el("section", {}, el("h2", {}, t("verdict")),
    el("ul", { class: "verdicts" }, ...reasons.map(({ message }) => el("li", {}, said(message)))));
}

function figuresTable(figures) {
  const measured = Object.entries(MEASURES).filter(([name]) => name in (figures ?? {}));
  if (!measured.length) return null;
  const cell = (show, value) => el("td", {}, value === undefined ? "" : show(value));
  return el("table", { class: "figures" },
    el("thead", {}, el("tr", {}, ...["measure", "before", "after"].map((word) => el("th", { scope: "col" }, t(word))))),
    el("tbody", {}, ...measured.map(([name, show]) => el("tr", {},
      el("th", { scope: "row" }, named("measures", name)), cell(show, figures[`${name}_base`]), cell(show, figures[name])))));
}

/** An owner may have deleted some of them since. */
async function results(job) {
  const known = await Promise.allSettled(job.result_files.map((id) => call(`/v1/files/${id}`)));
  const files = known.filter((one) => one.status === "fulfilled").map((one) => one.value);
  if (!files.length) return null;
  return el("section", {}, el("h2", {}, t("results")), el("ul", { class: "files" }, ...files.map((file) => el("li", {},
    el("button", {
      class: "text-button", type: "button",
      onclick: async (event) => {
        const button = event.currentTarget;
        try {
          await download(`/v1/files/${file.id}/content`, `${job.adapter}-${file.filename}`);
        } catch (error) {
          button.after(el("span", { class: "problem", role: "alert", dir: "auto" }, error.message));
        }
      },
    }, icon("down"), named("files", file.filename))))));
}

async function wayToAsk(job) {
  if (job.status !== "succeeded") return null;
  const adapter = (await list("/adapters")).find((one) => one.name === job.adapter && one.source === `tuning:${job.id}`);
  if (adapter?.status === "ready") return el("a", { class: "primary", href: `/?adapter=${encodeURIComponent(job.adapter)}` }, t("askWith"));
  return el("p", { class: "note" }, adapter?.error ?? t(adapter ? "waitsForEngine" : "replaced"));
}

/** The nodes that say it; `told`: its events. */
export async function outcome(job, told) {
  const parts = [
    job.error ? failure(job.error) : null,
    await wayToAsk(job),
    verdict(told),
    figuresTable(job.figures),
    await results(job),
  ];
  return parts.filter(Boolean);
}
