// Pan, zoom and cursor values of traces: uPlot in place of the SVG. The server computes each window.

const HELP = "Drag: zoom; double click: all; arrows: pan; + −: zoom; 0: all";
const minus = (text) => String(text).replace(/^-/, "\u2212");
const short = (value) => value == null ? "no value" : minus(+value.toPrecision(6));
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);
const make = (tag, fields) => Object.assign(document.createElement(tag), fields);

// The points of a curve: samples, or two extremes of each pixel, the one closer to the last point first.
function points({ exact, at, low: lows, high: highs }, n) {
  if (exact) return [at, lows[n]];
  const xs = [], ys = [];
  at.forEach((x, i) => {
    const low = lows[n][i], high = highs[n][i], last = ys.at(-1);
    xs.push(x, x);
    ys.push(...(Math.abs(last - low) <= Math.abs(last - high) ? [low, high] : [high, low]));
  });
  return [xs, ys];
}

const ticks = (get) => ({ splits: () => get().map(([value]) => value), values: () => get().map(([, text]) => text) });

class Trace {
  constructor(root) {
    const { trace, first, last, start, end, marks } = root.dataset;
    Object.assign(this, { root, url: trace, marks: JSON.parse(marks) });
    this.all = [+first, +last];
    this.period = [+start, +end];
    this.panels = [...root.querySelectorAll("[data-column]")].map((element) => {
      const { column, name, unit, height, limits, steps } = element.dataset;
      return { element, column, name, unit, height: +height, limits: JSON.parse(limits), isSteps: steps != null };
    });
    this.values = make("span", { className: "small soft", textContent: HELP });
  }

  async start() {
    if (!await this.read()) return;
    this.panels.forEach((panel, n) => {
      panel.element.replaceChildren();
      panel.element.classList.add("live");
      panel.plot = new uPlot(this.options(panel, n), points(this.found, n), panel.element);
    });
    this.controls();
    new ResizeObserver(() => this.panels.forEach(({ plot }) => plot.setSize({ width: this.root.clientWidth, height: plot.height }))).observe(this.root);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.panels.forEach(({ plot }) => plot.redraw()));
  }

  options(panel, n) {
    const { isSteps, height } = panel, isLast = n === this.panels.length - 1;
    const axis = { stroke: () => colour("--soft"), grid: { stroke: () => colour("--grid"), width: 1 }, ticks: { show: false }, font: "11px sans-serif" };
    return {
      width: this.root.clientWidth,
      height: height + (isLast ? 24 : 0),
      padding: [6, 0, isLast ? 0 : 4, 0],
      legend: { show: false },
      cursor: { sync: { key: this.url }, drag: { setScale: false }, bind: { dblclick: () => () => this.show(...this.all) }, points: { show: false } },
      scales: { x: { time: false, range: () => this.period }, y: { range: () => this.found.ranges[n] } },
      axes: [
        { ...axis, ...ticks(() => this.found.ticks), show: isLast, size: 24 },
        { ...axis, ...ticks(() => this.found.levels[n]), size: 56 },
      ],
      series: [{}, { stroke: () => colour(isSteps ? "--trace-2" : "--trace"), width: 1.25, ...(isSteps && { paths: uPlot.paths.stepped({ align: 1 }) }) }],
      hooks: { draw: [(plot) => this.draw(plot, panel)], setSelect: [(plot) => this.select(plot)], setCursor: [() => this.readOut()] },
    };
  }

  // Limits, marks and the name of the column.
  draw({ ctx, bbox: { left, top, width, height }, valToPos }, panel) {
    const ratio = devicePixelRatio, right = left + width, bottom = top + height;
    const line = (x1, y1, x2, y2) => { ctx.beginPath(); ctx.moveTo(x1, y1); ctx.lineTo(x2, y2); ctx.stroke(); };
    const text = (words, x, y, isLeft) => { ctx.textAlign = isLeft ? "left" : "right"; ctx.fillText(words, x + (isLeft ? 4 : -4) * ratio, y); };
    ctx.save();
    Object.assign(ctx, { lineWidth: ratio, font: `${11 * ratio}px sans-serif`, textBaseline: "alphabetic", strokeStyle: colour("--failed"), fillStyle: colour("--failed") });
    for (const [value, words] of panel.limits) {
      const y = valToPos(value, "y", true);
      if (y < top || y > bottom) continue;
      line(left, y, right, y);
      text(words, right, y + (y < top + 16 * ratio ? 12 : -4) * ratio, false);
    }
    Object.assign(ctx, { strokeStyle: colour("--edge"), fillStyle: colour("--ink") });
    text(panel.name + (panel.unit && ` [${panel.unit}]`), left, top + (panel.limits.length ? 24 : 12) * ratio, true);
    ctx.setLineDash([2 * ratio, 3 * ratio]);
    this.marks.forEach(([at, words], n) => {
      if (at < this.period[0] || at > this.period[1]) return;
      const x = valToPos(at, "x", true);
      line(x, top, x, bottom);
      if (panel === this.panels[0]) text(words, x, top + (36 + 14 * (n % 3)) * ratio, x < left + width / 2);
    });
    ctx.restore();
  }

  select(plot) {
    const { left, width } = plot.select;
    if (width < 4) return;
    this.show(plot.posToVal(left, "x"), plot.posToVal(left + width, "x"));
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  }

  readOut() {
    const { at, low, high, exact, origin, scale, unit: time } = this.found, index = this.panels[0].plot?.cursor.idx;
    if (index == null) return void (this.values.textContent = HELP);
    const i = exact ? index : index >> 1;
    const texts = this.panels.map(({ name, unit }, n) => {
      const extremes = exact || low[n][i] === high[n][i] ? [low[n][i]] : [low[n][i], high[n][i]];
      return `${name} ${extremes.map(short).join(" … ")} ${unit}`.trim();
    });
    this.values.textContent = `${time ? "" : "sample "}${short((at[i] - origin) * scale)} ${time}`.trim() + `: ${texts.join(", ")}`;
  }

  async read() {
    this.request?.abort();
    this.request = new AbortController();
    const [from, to] = this.period, width = Math.min(2000, this.root.clientWidth - 56);
    const query = new URLSearchParams({ columns: this.panels.map(({ column }) => column), from, to, width });
    try {
      const response = await fetch(`${this.url}?${query}`, { signal: this.request.signal });
      const found = await response.json();
      if (!response.ok) throw new Error(found.error);
      return this.found = found;
    } catch (error) {
      if (error.name !== "AbortError") this.values.textContent = `The window can't be read: ${error.message}`;
      return null;
    }
  }

  async show(from, to) {
    const [first, last] = this.all, width = Math.min(Math.max(to - from, (last - first) * 1e-9), last - first);
    from = Math.max(first, Math.min(from, last - width));
    this.period = [from, from + width];
    if (!await this.read()) return;
    this.panels.forEach(({ plot }, n) => plot.setData(points(this.found, n)));
    if (this.root.dataset.state == null) return;
    const url = new URL(location);
    url.search = width < last - first ? new URLSearchParams({ from, to: from + width }) : "";
    history.replaceState(null, "", url);
  }

  move(factor, share) {
    const [from, to] = this.period, middle = (from + to) / 2 + (to - from) * share, half = (to - from) * factor / 2;
    return this.show(middle - half, middle + half);
  }

  controls() {
    const zoomIn = () => this.move(0.5, 0), zoomOut = () => this.move(2, 0), all = () => this.show(...this.all);
    const keys = { ArrowLeft: () => this.move(1, -0.25), ArrowRight: () => this.move(1, 0.25), "+": zoomIn, "=": zoomIn, "-": zoomOut, 0: all };
    this.root.tabIndex = 0;
    this.root.setAttribute("role", "group");
    this.root.setAttribute("aria-label", "Trace");
    this.root.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey || !keys[event.key]) return;
      event.preventDefault();
      keys[event.key]();
    });
    const bar = make("p", { className: "filters no-print" });
    for (const [textContent, onclick] of [["Zoom in", zoomIn], ["Zoom out", zoomOut], ["All", all]]) bar.append(make("button", { textContent, onclick }));
    bar.append(this.values);
    this.root.after(bar);
  }
}

for (const root of document.querySelectorAll("[data-trace]")) new Trace(root).start();
