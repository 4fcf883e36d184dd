// A loss curve as an SVG of its own place's width: what is drawn is said in its label, too.

import { el, svg } from "./dom.js";
import { number, t } from "./i18n.js";

const HEIGHT = 240;
const EDGE = { top: 12, right: 14, bottom: 38, left: 52 };
const TICKS = 5; // about as many on each axis

/** Round numbers over [low, high]: their distance is 1, 2 or 5 times a power of ten. */
export function ticks(low, high, count = TICKS, least = 0) {
  const rough = Math.max((high - low) / count, least, Number.EPSILON);
  const power = 10 ** Math.floor(Math.log10(rough));
  const distance = [1, 2, 5, 10].find((times) => times * power >= rough * 0.999) * power;
  const first = Math.ceil(low / distance - 1e-9);
  const last = Math.floor(high / distance + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, at) => (first + at) * distance);
}

const figure = (value) => number(value, { maximumSignificantDigits: 3 });

/** Losses are looked at from their least to their greatest, with a little room. */
function bounds(lines) {
  const all = lines.flatMap((line) => line.points.map(([, loss]) => loss));
  const [low, high] = [all.reduce((a, b) => Math.min(a, b)), all.reduce((a, b) => Math.max(a, b))];
  const room = Math.max((high - low) * 0.08, high * 0.02, 0.01);
  return [Math.max(0, low - room), high + room];
}

function drawn(lines, steps, width, label) {
  const [low, high] = bounds(lines);
  const x = (step) => EDGE.left + ((width - EDGE.left - EDGE.right) * step) / steps;
  const y = (loss) => EDGE.top + (HEIGHT - EDGE.top - EDGE.bottom) * (1 - (loss - low) / (high - low));
  const foot = HEIGHT - EDGE.bottom;
  const across = ticks(low, high).map((loss) => svg("g", {},
    svg("path", { class: "grid", d: `M${EDGE.left} ${y(loss)}H${width - EDGE.right}` }),
    svg("text", { x: EDGE.left - 8, y: y(loss), "text-anchor": "end", "dominant-baseline": "middle" }, figure(loss))));
  const along = ticks(0, steps, Math.min(TICKS, width / 90), 1).map((step) => svg("g", {},
    svg("path", { class: "axis", d: `M${x(step)} ${foot}v5` }),
    svg("text", { x: x(step), y: foot + 18, "text-anchor": "middle" }, number(step))));
  const traced = lines.map(({ kind, points }) => svg("g", { class: kind },
    svg("polyline", { points: points.map(([step, loss]) => `${x(step)},${y(loss)}`).join(" ") }),
    ...(kind === "validated" || points.length < 2 ? points : [])
      .map(([step, loss]) => svg("circle", { cx: x(step), cy: y(loss), r: 3.5 }, svg("title", {}, `${number(step)}: ${figure(loss)}`)))));
  return svg("svg", { class: "curve", width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": label },
    ...across,
    svg("path", { class: "axis", d: `M${EDGE.left} ${EDGE.top}V${foot}H${width - EDGE.right}` }),
    ...along,
    svg("text", { x: (EDGE.left + width - EDGE.right) / 2, y: HEIGHT - 4, "text-anchor": "middle" }, t("steps")),
    ...traced);
}

const spoken = ({ kind, points }) => t("curveLine", {
  name: t(kind), first: figure(points[0][1]), from: number(points[0][0]), last: figure(points.at(-1)[1]), to: number(points.at(-1)[0]),
});

export class Curve {
  constructor(title) {
    this.title = title;
    this.place = el("div", { class: "plot" });
    this.legend = el("p", { class: "legend", "aria-hidden": "true" }); // the label says it
    this.node = el("figure", {}, el("figcaption", {}, el("h2", {}, title), this.legend), this.place);
    this.given = null;
    new ResizeObserver(() => this.draw()).observe(this.place);
  }

  /** `lines`: {kind: "trained" or "validated", points: [[step, loss], …]}; `steps`: the last there will be. */
  show(lines, steps) {
    this.given = { lines: lines.filter((line) => line.points.length), steps: Math.max(steps, 1) };
    this.legend.replaceChildren(...this.given.lines.map(({ kind }) => el("span", { class: kind }, t(kind))));
    this.draw();
  }

  draw() {
    const width = Math.floor(this.place.clientWidth);
    if (!width || !this.given?.lines.length) return;
    const { lines, steps } = this.given;
    const label = [t("curveOf", { title: this.title }), ...lines.map(spoken)].join(" ");
    this.place.replaceChildren(drawn(lines, steps, width, label));
  }
}
