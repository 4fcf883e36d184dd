// What cannot be undone is asked about once more, in the button's own place.

import { el } from "./dom.js";

/** `button`, which does `act` after a second press; words as {yes, no, label}, the label said for `yes`. */
export function askedFirst(button, { yes, no, label }, act) {
  button.addEventListener("click", () => {
    const back = () => box.replaceWith(button);
    const keep = el("button", { class: "text-button", type: "button", onclick: () => { back(); button.focus(); } }, no);
    const box = el("span", { class: "confirm" },
      el("button", {
        class: "text-button danger", type: "button", "aria-label": label,
        onclick: async () => { await act(); back(); },
      }, yes), keep);
    button.replaceWith(box);
    keep.focus();
  });
  return button;
}
