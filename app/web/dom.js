// Building the page. Text only ever enters as text: retrieved passages and file names are hostile.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

/** el("p", {class: "x", dir: "auto", onclick: f}, "text", node): strings become text nodes. */
export const el = (tag, props, ...children) => filled(document.createElement(tag), props, children);

/** The same of SVG. */
export const svg = (tag, props, ...children) => filled(document.createElementNS(SVG, tag), props, children);

function filled(node, props = {}, children = []) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export const icon = (name) => svg("svg", { "aria-hidden": "true" }, svg("use", { href: `/static/icons.svg#i-${name}` }));

/** The server's own words, which are English. */
export const said = (text) => el("bdi", { lang: "en" }, text);

/** Tell a screen reader; the same words twice in a row are still said. */
export function announce(text) {
  const live = byId("live");
  live.textContent = "";
  requestAnimationFrame(() => { live.textContent = text; });
}

/** The language of a text by its script, so that fonts and screen readers fit; null when unsure. */
export function languageOf(text) {
  const count = (pattern) => (text.match(pattern) ?? []).length;
  const arabic = count(/\p{Script=Arabic}/gu);
  const han = count(/\p{Script=Han}/gu);
  const latin = count(/\p{Script=Latin}/gu);
  if (arabic > han && arabic * 2 > latin) return "fa";
  if (han > 0 && han * 3 > latin && count(/[\p{Script=Hiragana}\p{Script=Katakana}]/gu) === 0) return "zh";
  return latin > 0 ? "en" : null;
}

/** A modal dialog as a promise: `submit(value)` may throw an error to show; null when dismissed. */
export function prompt(dialog, input, problem, submit) {
  return new Promise((resolve) => {
    const form = dialog.querySelector("form");
    const stop = new AbortController();
    const { signal } = stop;
    let result = null;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        result = await submit(input.value.trim());
        dialog.close();
      } catch (error) {
        problem.textContent = error.message;
        problem.hidden = false;
        input.select();
      }
    }, { signal });
    dialog.querySelector("[data-cancel]").addEventListener("click", () => dialog.close(), { signal });
    dialog.addEventListener("close", () => { stop.abort(); input.value = ""; resolve(result); }, { signal });
    dialog.showModal();
    input.focus();
  });
}
