// The pages' few words in the reader's language: the browser's own at first, then the one that was chosen.

import { en } from "./words.en.js";
import { fa } from "./words.fa.js";
import { zh } from "./words.zh.js";

const WORDS = { en, fa, zh };
const KEPT = "simurgh.language";
let language = "en";

/** t("page", {n: 3}) in the reader's language. */
export function t(word, values = {}) {
  return WORDS[language][word].replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** The word for one of the server's names, as `named("stages", "chunking")`; one that is not known here stays as it is. */
export const named = (group, name) => WORDS[language][group][name] ?? name;

export const number = (value, options) => new Intl.NumberFormat(language, options).format(value);
export const percent = (share) => number(share, { style: "percent", maximumFractionDigits: 0 });
/** Of seconds since the epoch, in the reader's calendar. */
export const moment = (at) => new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(at * 1000);
/** The same within a day, to the second. */
export const clock = (at) => new Intl.DateTimeFormat(language, { timeStyle: "medium" }).format(at * 1000);
/** How long, in its largest fitting unit. */
export const span = (seconds) => {
  const [size, unit] = [[3600, "hour"], [60, "minute"], [1, "second"]].find(([least]) => seconds >= least) ?? [1, "second"];
  return number(seconds / size, { style: "unit", unit, unitDisplay: "long", maximumSignificantDigits: 2 });
};
export const seconds = (ms) => number(ms / 1000, { maximumSignificantDigits: 2 });

export function setLanguage(wanted, keep = true) {
  language = wanted in WORDS ? wanted : "en";
  if (keep) localStorage.setItem(KEPT, language);
  document.documentElement.lang = language;
  document.documentElement.dir = language === "fa" ? "rtl" : "ltr";
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = t(node.dataset.text);
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", t(node.dataset.label));
  for (const node of document.querySelectorAll("[data-placeholder]")) node.placeholder = t(node.dataset.placeholder);
  for (const node of document.querySelectorAll("[data-lang]")) {
    node.setAttribute("aria-pressed", String(node.dataset.lang === language));
  }
  document.dispatchEvent(new Event("simurgh:language"));
}

export function firstLanguage() {
  setLanguage(localStorage.getItem(KEPT) ?? navigator.language.slice(0, 2).toLowerCase(), false);
}
