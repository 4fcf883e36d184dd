// The tuning page's composition root: which training is shown, what the service is able to, and when to look again.

import { health } from "./api.js";
import { byId, el } from "./dom.js";
import { t } from "./i18n.js";
import { startForm } from "./new-training.js";
import { polling } from "./poll.js";
import { drawer, hideProblem, showProblem, shown, startShell } from "./shell.js";
import { Training } from "./training.js";
import { cancel, draw, find, forget, listen, refresh, unended } from "./trainings.js";

const place = byId("training");
let view = null; // of the training that is shown
let told = []; // its events, oldest first
let parts = {}; // of the service, by what each says of itself

const chosen = () => find(location.hash.slice(1));

function drawNotes() {
  const notes = [
    parts.worker?.status === "missing" ? "noWorker" : null,
    parts.engine?.reason === "remote" ? "remote" : null,
    parts.engine?.status === "resting" ? "resting" : null,
    parts.storage?.status === "full" ? "full" : null,
  ].filter(Boolean).map((word) => t(word));
  const before = [...byId("notes").children].map((node) => node.textContent);
  byId("notes").hidden = Boolean(chosen()) && !unended(chosen()); // what has ended needs nothing of it
  if (notes.join() !== before.join()) byId("notes").replaceChildren(...notes.map((note) => el("p", {}, note)));
}

/** Show what the address names: a training, else the form. */
function choose() {
  const job = chosen();
  byId("teach").hidden = Boolean(job);
  place.hidden = !job;
  byId("new").setAttribute("aria-current", job ? "false" : "page");
  told = [];
  view = job ? new Training(job, { cancel: end, shown }) : null;
  place.replaceChildren(...(view ? [view.node] : []));
  drawNotes();
  draw();
}

async function hear() {
  const [job, of] = [chosen(), told];
  if (!job) return;
  await listen(job, of);
  if (of === told) view.show(chosen(), told); // else another was chosen meanwhile
}

async function look() {
  parts = await health();
  const more = await refresh();
  drawNotes();
  if (Boolean(chosen()) !== Boolean(view)) choose(); // its training was not known until now
  await hear();
  return more;
}

let failing = false; // so that no other failure's words are taken away

const now = polling(look, (error) => {
  if (error) showProblem(error, now);
  else if (failing) hideProblem();
  failing = Boolean(error);
});

const end = (job) => shown(async () => { await cancel(job); now(); });

function wire() {
  startForm((job) => { location.hash = job.id; });
  byId("skip").addEventListener("click", (event) => { event.preventDefault(); byId("main").focus(); }); // the address names trainings
  addEventListener("hashchange", () => {
    choose();
    drawer(false);
    now();
  });
  document.addEventListener("simurgh:language", () => { choose(); hear().catch(() => {}); });
  document.addEventListener("visibilitychange", () => { if (document.hidden) forget(); });
}

wire();
startShell();
now();
