// The trainings there are, newest first: fetched, followed while one has not ended, and listed on the shelf.

import { call, each, list } from "./api.js";
import { announce, byId, el, icon } from "./dom.js";
import { moment, named, number, t } from "./i18n.js";

const PATH = "/v1/fine_tuning/jobs";
const ICONS = { succeeded: "done", failed: "close", cancelled: "close" };

const shelf = byId("trainings");
let jobs = [];
let known = false; // whether all of them have been fetched; others may be started elsewhere meanwhile

export const unended = (job) => !["succeeded", "failed", "cancelled"].includes(job.status);
export const find = (id) => jobs.find((job) => job.id === id);

export const forget = () => { known = false; };

/** Fetch what may have changed; resolves to whether more is to come. */
export async function refresh() {
  const found = known ? await Promise.all(jobs.filter(unended).map((job) => call(`${PATH}/${job.id}`))) : await list(PATH);
  if (known) found.forEach(take);
  else jobs = found;
  known = true;
  draw();
  return jobs.some(unended);
}

/** A job's newest state. */
function take(job) {
  const before = find(job.id);
  jobs = before ? jobs.map((one) => (one === before ? job : one)) : [job, ...jobs];
  if (before?.status !== job.status) {
    announce(t("changed", { name: job.adapter, status: named("statuses", job.status) }));
  }
}

export async function start(body) {
  const job = await call(PATH, { method: "POST", json: body });
  take(job);
  draw();
  return job;
}

export async function cancel(job) {
  take(await call(`${PATH}/${job.id}/cancel`, { method: "POST" }));
  draw();
}

/** Fetch what `job` has told since the last of `told`, which is added to it, oldest first. */
export async function listen(job, told) {
  const last = told.at(-1)?.id;
  const news = [];
  for await (const event of each(`${PATH}/${job.id}/events`)) {
    if (event.id === last) break;
    news.push(event);
  }
  told.push(...news.reverse());
}

function row(job) {
  const shown = location.hash === `#${job.id}`;
  return el("li", { class: job.status === "failed" ? "failed" : null },
    icon(ICONS[job.status] ?? "tune"),
    el("a", { class: "row-text", href: `#${job.id}`, "aria-current": shown ? "page" : null },
      el("bdi", { class: "row-name" }, job.adapter),
      el("span", { class: "row-facts" }, `${named("statuses", job.status)} · ${moment(job.created_at)}`)));
}

export function draw() {
  const focused = [...shelf.querySelectorAll("a")].indexOf(document.activeElement);
  shelf.replaceChildren(...jobs.map(row));
  if (focused >= 0) shelf.querySelectorAll("a")[focused]?.focus();
  byId("count").textContent = jobs.length ? number(jobs.length) : "";
  byId("shelf-note").hidden = jobs.length > 0 || !known;
}
