// The form that begins a training: its files are sent first, then the job is asked for.

import { call, upload } from "./api.js";
import { byId, el } from "./dom.js";
import { named, t } from "./i18n.js";
import { start } from "./trainings.js";

const FILES = "/v1/files";
const GOALS = ["voice", "skill", "facts"];
const form = byId("teach");
const [examples, checked, name, epochs, rate] = ["examples", "checked", "adapter-name", "epochs", "rate"].map(byId);
const problem = byId("teach-problem");
const bar = byId("sending");

/** Says the chosen file's name in place of the invitation to choose one. */
const showFile = (input) => { byId(`${input.id}-file`).textContent = input.files[0]?.name ?? t("chooseFile"); };

function takesDrops(input) {
  const place = input.closest(".pick");
  input.addEventListener("change", () => showFile(input));
  place.addEventListener("dragover", (event) => event.preventDefault());
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    showFile(input);
  });
}

function drawGoals() {
  const chosen = form.elements.goal?.value || GOALS[0];
  byId("goals").replaceChildren(byId("goals").querySelector("legend"), ...GOALS.map((goal) => el("label", { class: "tick" },
    el("input", { type: "radio", name: "goal", value: goal, checked: goal === chosen }),
    el("span", {}, el("b", {}, named("goals", goal)), " ", el("span", { class: "note" }, named("goalHints", goal))))));
}

async function send(file, from, share) {
  const sent = await upload(FILES, { purpose: "fine-tune", file }, (part) => { bar.value = from + share * part; });
  return sent.id;
}

/** Resolves to the job. What was sent for one that is refused is taken back. */
async function begin() {
  const files = [examples.files[0], checked.files[0]].filter(Boolean);
  const sent = [];
  try {
    for (const [at, file] of files.entries()) sent.push(await send(file, at / files.length, 1 / files.length));
    const wanted = { epochs: epochs.valueAsNumber, learning_rate: rate.valueAsNumber };
    return await start({
      model: "simurgh", suffix: name.value.trim(), goal: form.elements.goal.value, force: byId("force").checked,
      training_file: sent[0], validation_file: sent[1] ?? null,
      plan: Object.fromEntries(Object.entries(wanted).filter(([, value]) => !Number.isNaN(value))),
    });
  } catch (error) {
    await Promise.allSettled(sent.map((id) => call(`${FILES}/${id}`, { method: "DELETE" })));
    throw error;
  }
}

function sending(under) {
  byId("start").disabled = under;
  bar.hidden = !under;
  bar.value = 0;
}

/** `onStarted(job)` is told of each training that begins. */
export function startForm(onStarted) {
  [examples, checked].forEach(takesDrops);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    problem.hidden = true;
    sending(true);
    try {
      const job = await begin();
      form.reset();
      [examples, checked].forEach(showFile);
      onStarted(job);
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
      if (!error.code) console.error(error); // a fault of this page's own
    } finally {
      sending(false);
    }
  });
  document.addEventListener("simurgh:language", () => { drawGoals(); [examples, checked].forEach(showFile); });
}
