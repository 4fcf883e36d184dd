// The question for the API key, asked by whichever page is refused.

import { onKeyNeeded } from "./api.js";
import { el, prompt } from "./dom.js";
import { t } from "./i18n.js";

export function startKey() {
  const input = el("input", { id: "key", type: "password", dir: "ltr", autocomplete: "off", spellcheck: "false", required: true });
  const problem = el("p", { class: "problem", role: "alert", hidden: true });
  const dialog = el("dialog", { "aria-labelledby": "key-title" },
    el("form", { method: "dialog" },
      el("h2", { id: "key-title", "data-text": "keyTitle" }),
      el("p", { class: "note", "data-text": "keyText" }),
      el("label", { class: "quiet", for: "key", "data-text": "key" }), input, problem,
      el("div", { class: "actions" },
        el("button", { type: "button", value: "cancel", "data-cancel": true, "data-text": "cancel" }),
        el("button", { type: "submit", class: "primary", "data-text": "proceed" }))));
  document.body.append(dialog);
  onKeyNeeded((refused) => {
    problem.textContent = t("keyRefused");
    problem.hidden = !refused;
    return prompt(dialog, input, problem, async (key) => key);
  });
}
