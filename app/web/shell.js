// What every page has around it: the key, the language, the library as a drawer on narrow screens, and a banner
// for what failed.

import { byId, el } from "./dom.js";
import { firstLanguage, setLanguage, t } from "./i18n.js";
import { startKey } from "./key.js";

const banner = byId("banner");

export function hideProblem() { banner.hidden = true; }

/** Says what failed, with a way to try again. */
export function showProblem(error, retry) {
  banner.replaceChildren(el("span", { dir: "auto" }, error.message),
    el("button", { class: "text-button", type: "button", onclick: retry }, t("retry")));
  banner.hidden = false;
  if (!error.code) console.error(error); // a fault of this page's own
}

/** Run one of the page's own requests; its failure is shown. */
export async function shown(work) {
  try {
    hideProblem();
    await work();
  } catch (error) {
    showProblem(error, () => shown(work));
  }
}

/** Open or close the library; false when it is so already. */
export function drawer(open) {
  if (byId("veil").hidden === !open) return false;
  byId("shell").classList.toggle("with-library", open);
  byId("library-open").setAttribute("aria-expanded", String(open));
  byId("veil").hidden = !open;
  byId(open ? "library-close" : "library-open").focus();
  return true;
}

/** `onEscape()` may close something of the page's own before the drawer is closed; true when it did. */
export function startShell(onEscape = () => false) {
  startKey();
  byId("library-open").addEventListener("click", () => drawer(true));
  byId("library-close").addEventListener("click", () => drawer(false));
  byId("veil").addEventListener("click", () => drawer(false));
  for (const button of document.querySelectorAll("[data-lang]")) {
    button.addEventListener("click", () => setLanguage(button.dataset.lang));
  }
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
    if (onEscape() || drawer(false)) event.preventDefault();
  });
  firstLanguage();
}
