// One training as its owner sees it: how far it is, its curve, its plan, what it tells, and what came of it.

import { askedFirst } from "./confirm.js";
import { Curve } from "./curve.js";
import { el, said } from "./dom.js";
import { clock, moment, named, number, span, t } from "./i18n.js";
import { outcome } from "./outcome.js";
import { unended } from "./trainings.js";

const LATEST = 8; // messages

/** What it told of steps, by stage: its first and last figures, and [step, loss] as they were trained and validated. */
function stages(told) {
  const found = {};
  for (const { type, data } of told) {
    if (type !== "metrics") continue;
    const stage = found[data.stage] ??= { first: data, trained: [], validated: [] };
    stage.last = data;
    if ("loss" in data) stage.trained.push([data.step, data.loss]);
    if ("validation_loss" in data) stage.validated.push([data.step, data.validation_loss]);
  }
  return found;
}

/** Seconds that the steps left take, at the pace so far. */
function left({ first, last }) {
  const pace = (last.at - first.at) / (last.step - first.step);
  return Number.isFinite(pace) ? pace * (last.steps - last.step) : null;
}

export class Training {
  /** `actions`: {cancel(job), shown(work)}. */
  constructor(job, actions) {
    this.actions = actions;
    this.curves = {};
    this.status = el("span", { class: "status" });
    this.facts = el("span", { class: "note" });
    const words = { yes: t("sureEnd"), no: t("keepOn"), label: t("asksAgain", { name: job.adapter }) };
    this.end = el("div", { class: "end" }, askedFirst(
      el("button", { class: "text-button danger", type: "button" }, t("endTraining")), words, () => actions.cancel(job)));
    this.bar = el("progress", { max: 1, "aria-label": t("changed", { name: job.adapter, status: named("statuses", "running") }) });
    this.pace = el("p", { class: "note pace" });
    this.progress = el("div", { class: "progress" }, this.pace, this.bar);
    this.outcome = el("div", { class: "outcome" });
    this.plots = el("div", { class: "plots" });
    this.choices = el("tbody");
    this.plan = el("details", { hidden: true }, el("summary", {}, t("plan")), el("table", {},
      el("thead", {}, el("tr", {}, ...["choice", "value", "why"].map((word) => el("th", { scope: "col" }, t(word))))), this.choices));
    this.messages = el("ol");
    this.log = el("section", { class: "messages" }, el("h2", {}, t("messages")), this.messages);
    this.node = el("div", {},
      el("header", {}, el("h1", {}, el("bdi", {}, job.adapter)), this.end, el("p", {}, this.status, this.facts)),
      this.progress, this.outcome, this.plots, this.plan, this.log);
  }

  /** `told`: its events, oldest first. */
  show(job, told) {
    const going = unended(job);
    this.status.textContent = named("statuses", job.status);
    this.status.dataset.status = job.status;
    this.facts.textContent = [
      t("started", { when: moment(job.created_at) }),
      job.finished_at === null ? "" : t("ended", { span: span(job.finished_at - job.created_at) }),
    ].filter(Boolean).join(" · ");
    this.end.hidden = !going;
    this.progress.hidden = !going;
    const found = stages(told);
    this.showProgress(job, Object.values(found).at(-1));
    this.showCurves(found, going);
    this.showPlan(told.filter(({ data }) => "choice" in data));
    this.showMessages(told.filter(({ type, data }) => type === "message" && !("choice" in data) && !("checkpoint" in data)));
    if (!going && !this.outcome.childElementCount) {
      this.actions.shown(async () => this.outcome.replaceChildren(...await outcome(job, told)));
    }
  }

  showProgress(job, stage) {
    const done = stage ? stage.last.step / stage.last.steps : null;
    if (done === null || done === 1) this.bar.removeAttribute("value");
    else this.bar.value = done;
    const rest = stage && left(stage);
    this.pace.textContent = job.status !== "running" ? "" : done === null ? t("noStep") : done === 1 ? t("judging") : [
      t("step", { n: number(stage.last.step), of: number(stage.last.steps) }),
      rest === null ? "" : t("left", { span: span(rest) }),
    ].filter(Boolean).join(" · ");
  }

  showCurves(found, going) {
    for (const [name, stage] of Object.entries(found)) {
      if (!this.curves[name]) {
        this.curves[name] = new Curve(named("curves", name));
        this.plots.append(this.curves[name].node);
      }
      const lines = ["trained", "validated"].map((kind) => ({ kind, points: stage[kind] }));
      // What goes on is drawn as far as it may go; what stopped early, as far as it went.
      this.curves[name].show(lines, going ? stage.last.steps : stage.last.step);
    }
  }

  showPlan(choices) {
    this.plan.hidden = !choices.length;
    this.choices.replaceChildren(...choices.map(({ data }) => el("tr", {},
      el("th", { scope: "row" }, el("code", { dir: "ltr" }, data.choice)),
      el("td", {}, el("bdi", {}, [data.value].flat().join(", "))), el("td", {}, said(data.why)))));
  }

  showMessages(messages) {
    this.log.hidden = !messages.length;
    this.messages.replaceChildren(...messages.slice(-LATEST).reverse().map(({ created_at: at, level, message }) => el("li", { class: level },
      el("time", { class: "note" }, clock(at)), said(message))));
  }
}
