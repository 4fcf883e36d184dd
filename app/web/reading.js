// Leaving the chat for a document: its original file, or its text on a page with the cited words marked.

import { keyed, send } from "./api.js";
import { el, icon } from "./dom.js";
import { download, objectUrl } from "./download.js";
import { t } from "./i18n.js";

const LOADING_MS = 10_000;

/** Resolves to the document of `tab` once it shows `url`. */
async function loaded(tab, url) {
  for (const end = Date.now() + LOADING_MS; Date.now() < end && !tab.closed;) {
    if (tab.location.href === url && tab.document.readyState === "complete") return tab.document;
    await new Promise((resolve) => { setTimeout(resolve, 30); });
  }
  throw new Error(t("cut"));
}

/** Show one of our own pages in `tab`, fetched with the key; its links to our own pages are followed alike. */
async function show(tab, path) {
  const response = await send(path);
  const url = objectUrl(await response.text(), "text/html;charset=utf-8"); // inherits this page's policy: no script runs
  tab.location.replace(url);
  const shown = await loaded(tab, url);
  shown.getElementById("span")?.scrollIntoView({ block: "center" });
  shown.addEventListener("click", (event) => {
    const target = event.target.closest("a") && new URL(event.target.closest("a").href);
    const [, kind, , part] = target?.origin === location.origin ? target.pathname.split("/") : [];
    if (kind !== "documents") return;
    event.preventDefault();
    const done = part === "file" ? download(target.pathname, shown.title) : show(tab, target.pathname + target.search);
    done.catch((error) => { shown.title = error.message; });
  });
}

/** A link to the document's text. A browser sends no key with a link, so where there is one the page is fetched. */
export function readLink(source, { start, end }) {
  const path = `/documents/${encodeURIComponent(source.document_id)}/view?start=${start}&end=${end}`;
  return el("a", {
    class: "icon read", href: `${path}#span`, target: "_blank", rel: "noopener", "aria-label": t("inDocument"), title: t("inDocument"),
    onclick: async (event) => {
      if (!keyed()) return;
      event.preventDefault();
      const link = event.currentTarget;
      const tab = window.open("about:blank", "_blank"); // at once: later it would be taken for a pop-up
      try {
        await show(tab, path);
      } catch (error) {
        tab?.close();
        link.title = error.message;
      }
    },
  }, icon("read"));
}
