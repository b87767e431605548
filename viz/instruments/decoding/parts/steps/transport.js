// Play, pause, one step on or back, first, last, a slider, the speed. While it plays, the server hears nothing.

import { el, listen, svg } from "../../../shared/dom.js";

const SPEEDS = [0.5, 1, 2]; // steps a second
const ICONS = {
  first: "M3 3h3v10H3z M14 3v10L7 8z",
  back: "M12 3v10L4 8z",
  on: "M4 3v10l8-5z",
  last: "M10 3h3v10h-3z M2 3v10l7-5z",
  play: "M3 2v12l11-6z",
  pause: "M3 2h4v12H3z M9 2h4v12H9z",
};
const BOX = { class: "play-icon", viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" };

/** @param {keyof typeof ICONS} name */
const icon = (name) => svg("svg", BOX, svg("path", { d: ICONS[name], fill: "currentColor" }));

export class Transport {
  /** @param {import("../../store.js").Store} store */
  constructor(store) {
    this.store = store;
    this.speed = 1;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.drawn = "";
    /** @param {keyof typeof ICONS} name @param {string} title @param {() => void} onclick */
    const button = (name, title, onclick) =>
      el("button", { class: `small play-${name}`, "aria-label": title, title, onclick }, icon(name));
    this.first = button("first", "First step (Home)", () => this.to(0));
    this.back = button("back", "One step back (←)", () => this.by(-1));
    this.on = button("on", "One step on (→)", () => this.by(1));
    this.last = button("last", "Last step (End)", () => this.to(store.steps - 1));
    this.toggleButton = el("button", { class: "small play-toggle", onclick: () => this.toggle() });
    this.slider = el("input", { class: "play-slider", type: "range", min: "1", step: "1", "aria-label": "Step" });
    listen(this.slider, { input: () => this.to(Number(this.slider.value) - 1) });
    this.where = el("span", { class: "play-where" });
    this.speeds = SPEEDS.map((speed) => {
      const title = `${speed} ${speed > 1 ? "steps" : "step"} a second`;
      const onclick = () => this.choose(speed);
      const said = { "data-speed": speed, "aria-label": title, title };
      return el("button", { class: "head-choice", ...said, onclick }, `${speed}×`);
    });
    this.node = el(
      "div",
      { class: "play-transport", role: "group", "aria-label": "Playback" },
      el("div", { class: "play-buttons" }, this.first, this.back, this.toggleButton, this.on, this.last),
      this.slider,
      this.where,
      el("div", { class: "head-buttons", role: "group", "aria-label": "Speed" }, ...this.speeds),
    );
  }

  get isPlaying() {
    return this.timer !== undefined;
  }

  /** @param {number} steps */
  by(steps) {
    this.to(this.store.step + steps);
  }

  /** @param {number} step */
  to(step) {
    this.stop();
    this.store.open(step);
  }

  /** @param {number} speed */
  choose(speed) {
    this.speed = speed;
    if (this.isPlaying) this.wait();
    this.draw();
  }

  toggle() {
    if (this.isPlaying) this.stop();
    else this.play();
  }

  // At the end it begins again; else the next step comes at once.
  play() {
    const { store } = this;
    if (store.steps < 2) return;
    this.goTo(store.step === store.steps - 1 ? 0 : store.step + 1);
    this.draw();
  }

  wait() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.goTo(this.store.step + 1), 1000 / this.speed);
  }

  /** @param {number} step */
  goTo(step) {
    this.wait();
    this.store.open(step, true);
    if (this.store.step === this.store.steps - 1) this.stop();
  }

  // Only now the server hears where it stands.
  stop() {
    if (!this.isPlaying) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.store.say();
    this.draw();
  }

  draw() {
    const { step, steps } = this.store;
    const name = this.isPlaying ? "pause" : "play";
    if (this.drawn !== name) {
      this.drawn = name;
      const title = this.isPlaying ? "Pause" : "Play";
      this.toggleButton.replaceChildren(icon(name), title);
      this.toggleButton.title = `${title} (Space)`;
    }
    // Not `disabled`: that would take the focus, and with it the keys, away.
    for (const button of [this.first, this.back]) button.setAttribute("aria-disabled", String(step === 0));
    for (const button of [this.on, this.last]) button.setAttribute("aria-disabled", String(step === steps - 1));
    this.toggleButton.disabled = steps < 2;
    Object.assign(this.slider, { max: String(steps), value: String(step + 1), disabled: steps < 2 });
    this.where.textContent = `step ${step + 1} of ${steps}`;
    for (const button of this.speeds) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.speed) === this.speed));
    }
  }
}
