"use strict";
(() => {
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const data = JSON.parse(one("#data").textContent);
  const count = data.names.length;
  const indexOf = new Map(data.names.map((name, index) => [name, index]));
  const numbers = (element) => (element.dataset.layers || "").split(" ").filter(Boolean).map(Number);

  function make(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  // --- theme: the system's choice until the button is used ---
  const theme = one("#theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (document.documentElement.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  const showTheme = () => theme.setAttribute("aria-pressed", String(dark()));
  theme.hidden = false;
  theme.addEventListener("click", () => {
    document.documentElement.dataset.theme = dark() ? "light" : "dark";
    showTheme();
  });
  system.addEventListener("change", showTheme);
  showTheme();

  // --- one tab stop for each list of buttons; arrows move inside ---
  function rove(container, selector) {
    const shown = () => all(selector, container).filter((item) => item.getClientRects().length);
    const settle = (target) => {
      for (const item of all(selector, container)) item.setAttribute("tabindex", item === target ? "0" : "-1");
    };
    const reset = () => {
      const items = shown();
      const known = items.find((item) => item.getAttribute("tabindex") === "0");
      settle(known || items[0]);
    };
    container.addEventListener("focusin", (event) => {
      const item = event.target.closest(selector);
      if (item) settle(item);
    });
    container.addEventListener("keydown", (event) => {
      const item = event.target.closest(selector);
      if (!item || event.altKey || event.ctrlKey || event.metaKey) return;
      const items = shown();
      const at = items.indexOf(item);
      const goal = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
      if (goal === undefined) return;
      event.preventDefault();
      const next = items[Math.max(0, Math.min(items.length - 1, goal))];
      next.focus();
    });
    for (const item of all(selector, container)) item.setAttribute("tabindex", "-1");
    reset();
    return reset;
  }

  // --- what is larger than its place fades where it goes on, and says so if it goes on to the side ---
  const scrollers = all(".region, nav, #panel").map((region) => {
    const more = make("p", { className: "more", hidden: true }, "This goes on to the side: scroll →");
    if (region.matches(".region")) region.after(more);
    region.addEventListener("scroll", () => fade(region), { passive: true });
    return [region, more];
  });
  function fade(region) {
    const [right, below] = [region.scrollWidth - region.clientWidth, region.scrollHeight - region.clientHeight];
    region.classList.toggle("more-left", region.scrollLeft > 1);
    region.classList.toggle("more-right", right - region.scrollLeft > 1);
    region.classList.toggle("more-below", below - region.scrollTop > 1);
    return right > 1;
  }
  function measure() {
    for (const [region, more] of scrollers) more.hidden = !fade(region);
  }
  addEventListener("resize", measure);

  // --- choosing layers: marks them everywhere and explains them in the panel ---
  const panel = one("#panel");
  const heading = one("#panel-title");
  const content = one("#panel-content");
  one("#hint").hidden = false;
  one("#unscripted").remove();
  document.documentElement.classList.add("scripted");
  const lines = all(".source tr[data-layers]").map((row) => [row, numbers(row)]);
  const rows = all("#layers tbody tr").map((row, order) => ({
    row,
    order,
    layers: numbers(row),
    around: row.dataset.around.split(" ").filter(Boolean),
    block: row.dataset.block,
    cells: [...row.cells],
  }));
  const glyphs = all(".glyph[data-layers]").map((glyph) => [
    glyph,
    JSON.parse(glyph.dataset.layers).map((name) => indexOf.get(name)).filter((index) => index !== undefined),
  ]);
  const shares = all(".shares tr[data-layers]").map((row) => [row, numbers(row)]);
  const pictures = all(".maps figure[data-layers]").map((figure) => [figure, numbers(figure)]);
  const rowOf = new Map(rows.filter((line) => line.block === undefined).map((line) => [line.layers[0], line]));
  let chosen = new Set();
  let origin = null;

  // The address names the layer that is shown, so that it can be linked to; Back closes the panel.
  const bare = location.href.split("#")[0];
  const link = (index) => `#layer=${encodeURIComponent(data.names[index])}`;

  function choose(layers, from, title) {
    const address = bare + (layers.length === 1 ? link(layers[0]) : "");
    if (chosen.size) history.replaceState({ layers, title }, "", address);
    else history.pushState({ layers, title }, "", address);
    show(layers, from, title);
  }

  function follow(state) {
    const named = data.names.findIndex((_, index) => location.hash === link(index));
    if (state && state.layers && state.layers.every((index) => index < count)) show(state.layers, null, state.title);
    else if (named >= 0) show([named]);
    else if (!location.hash) hide();
  }
  addEventListener("popstate", (event) => follow(event.state));

  function show(layers, from, title) {
    chosen = new Set(layers);
    if (from && !panel.contains(from)) origin = from;
    mark();
    const anchor = from && !panel.contains(from) ? from : null;
    const before = anchor && anchor.getBoundingClientRect().top;
    panel.classList.add("open");
    document.body.classList.add("choosing");
    if (anchor) scrollBy({ top: anchor.getBoundingClientRect().top - before, behavior: "instant" }); // what was chosen stays
    one(".panel-buttons").hidden = false;
    one("#previous").hidden = one("#next").hidden = layers.length !== 1;
    one("#previous").disabled = layers[0] === 0;
    one("#next").disabled = layers[0] === count - 1;
    if (layers.length === 1) explain(layers[0]);
    else list(layers, title);
    panel.scrollTop = 0;
    heading.focus({ preventScroll: true });
    reveal();
    measure();
  }

  function clear() {
    if (chosen.size) history.replaceState(null, "", bare);
    hide();
  }

  function hide() {
    if (!chosen.size) return;
    chosen = new Set();
    mark();
    const before = origin && origin.isConnected ? origin.getBoundingClientRect().top : null;
    panel.classList.remove("open");
    document.body.classList.remove("choosing");
    measure();
    if (before !== null) scrollBy({ top: origin.getBoundingClientRect().top - before, behavior: "instant" });
    one(".panel-buttons").hidden = true;
    heading.textContent = "Layer";
    content.replaceChildren();
    if (origin && origin.isConnected) origin.focus({ preventScroll: true });
    origin = null;
  }

  function mark() {
    const some = (layers) => layers.some((index) => chosen.has(index));
    const every = (layers) => layers.length > 0 && layers.every((index) => chosen.has(index));
    for (const [row, layers] of lines) row.classList.toggle("chosen", some(layers));
    for (const line of rows) line.row.classList.toggle("chosen", every(line.layers));
    for (const [row, layers] of shares) row.classList.toggle("chosen", every(layers));
    for (const [glyph, layers] of glyphs) glyph.classList.toggle("chosen", some(layers));
    for (const [figure, layers] of pictures) figure.classList.toggle("chosen", some(layers));
    for (const chart of charts) chart.mark();
  }

  function explain(index) {
    const { pieces, layers } = data.explanations;
    heading.textContent = data.names[index];
    if (!layers[index]) {
      const row = rowOf.get(index).cells.slice(1).map((cell) => cell.textContent);
      const about = "The network is too large for all arithmetic to stand here; cnndsl explain prints this layer's.";
      content.replaceChildren(make("p", {}, row.join(", ")), make("p", { className: "hint" }, about));
      return;
    }
    content.innerHTML = layers[index].map((piece) => pieces[piece]).join(""); // escaped where it was made
  }

  function list(layers, title) {
    const sum = (values) => layers.reduce((total, index) => total + values[index], 0).toLocaleString("en-US");
    heading.textContent = title;
    const items = layers.map((index) => {
      const button = make("button", { type: "button" }, data.names[index], make("span", {}, shape(index)));
      button.addEventListener("click", () => choose([index], button));
      return make("li", {}, button);
    });
    const about = `${layers.length} layers, ${sum(data.params)} parameters, ${sum(data.macs)} MACs`;
    const members = make("ul", { className: "members" }, ...items);
    content.replaceChildren(make("p", { className: "hint" }, about), members);
  }

  const shape = (index) => rowOf.get(index).cells[2].textContent;

  function reveal() {
    // The chosen things move into view inside their own regions; the page itself stays where it is.
    const found = [
      lines.find(([row]) => row.classList.contains("chosen"))?.[0],
      rows.find((line) => line.row.classList.contains("chosen") && !line.row.hidden)?.row,
      glyphs.find(([glyph]) => glyph.classList.contains("chosen") && glyph.getClientRects().length)?.[0],
    ];
    for (const element of found) {
      const region = element && element.closest(".region");
      if (!region || (origin && region.contains(origin))) continue;
      const [inner, outer] = [element.getBoundingClientRect(), region.getBoundingClientRect()];
      if (inner.top < outer.top + 40 || inner.bottom > outer.bottom)
        region.scrollTop += inner.top - outer.top - outer.height / 3;
    }
  }

  one("#close").addEventListener("click", clear);
  one("#previous").addEventListener("click", () => choose([[...chosen][0] - 1]));
  one("#next").addEventListener("click", () => choose([[...chosen][0] + 1]));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    if (event.target.id === "filter" && event.target.value) return;
    clear();
  });

  // --- source ---
  for (const table of all(".source")) {
    table.addEventListener("click", (event) => {
      const row = event.target.closest("tr[data-layers]");
      if (!row || String(getSelection())) return;
      choose(numbers(row), one(".shapes", row), `Line ${row.cells[0].textContent}`);
    });
    rove(table, ".shapes");
  }

  // --- diagram ---
  const views = one("#views");
  for (const picture of all(".picture")) {
    const pick = (event) => {
      const glyph = event.target.closest(".glyph[data-layers]");
      const found = glyph && glyphs.find(([known]) => known === glyph)[1];
      if (found && found.length) choose(found, glyph, title(glyph, found));
      return Boolean(found);
    };
    const title = (glyph, layers) => (layers.length < 4
      ? layers.map((index) => data.names[index]).join(", ")
      : glyph.getAttribute("aria-label").split("\n")[0].split(":")[0].slice(0, 80));
    picture.addEventListener("click", pick);
    picture.addEventListener("keydown", (event) => {
      if ((event.key === "Enter" || event.key === " ") && pick(event)) event.preventDefault();
    });
  }
  const roving = all(".picture").map((picture) => rove(picture, ".glyph[data-layers]"));
  if (views) {
    views.hidden = false;
    views.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      for (const other of all("button", views)) other.setAttribute("aria-pressed", String(other === button));
      for (const picture of all(".picture")) picture.hidden = picture.dataset.view !== button.dataset.view;
      for (const reset of roving) reset();
      measure();
    });
  }

  // --- shares ---
  for (const [row, layers] of shares) {
    const name = one("th", row);
    const title = name.textContent;
    const unit = make("button", { type: "button", className: "unit" }, title);
    name.replaceChildren(unit);
    row.addEventListener("click", () => { if (!String(getSelection())) choose(layers, unit, title); });
  }
  if (shares.length) rove(shares[0][0].closest("table"), ".unit");

  // --- table: blocks fold, columns sort ---
  const table = one("#layers table");
  const body = table.tBodies[0];
  const filter = one("#filter");
  const closed = new Set(rows.length > 60 ? rows.filter((line) => line.block).map((line) => line.block) : []);
  let sorted = { column: 0, down: false };

  for (const line of rows) {
    const name = line.cells[0];
    const words = name.textContent;
    line.text = `${words} ${line.cells[1].textContent}`.toLowerCase();
    line.values = line.cells.map((cell, column) =>
      column === 0 ? line.order : cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value));
    const pick = make("button", { type: "button", className: "pick" }, words);
    if (line.block === undefined) {
      name.replaceChildren(make("span", { className: "leaf" }), pick);
    } else {
      line.turn = make("button", { type: "button", className: "turn", tabIndex: -1 });
      line.turn.setAttribute("aria-label", `Layers of ${words}`);
      name.replaceChildren(line.turn, pick);
    }
  }

  function arrange() {
    const wanted = filter.value.trim().toLowerCase();
    const flat = Boolean(wanted) || sorted.column !== 0 || sorted.down;
    const inside = (line) => line.around.some((block) => closed.has(block));
    const visible = (line) => {
      if (wanted) return line.block === undefined && line.text.includes(wanted);
      if (inside(line)) return false;
      return !flat || line.block === undefined || closed.has(line.block);
    };
    const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b, "en"));
    const ordered = [...rows].sort((a, b) => {
      const order = compare(a.values[sorted.column], b.values[sorted.column]);
      return (sorted.down ? -order : order) || a.order - b.order;
    });
    for (const line of ordered) {
      line.row.hidden = !visible(line);
      if (line.turn) {
        line.turn.textContent = closed.has(line.block) ? "▸" : "▾";
        line.turn.setAttribute("aria-expanded", String(!closed.has(line.block)));
      }
    }
    body.append(...ordered.map((line) => line.row));
    body.classList.toggle("flat", flat);
    headers.forEach((header, column) => {
      if (column === sorted.column) header.setAttribute("aria-sort", sorted.down ? "descending" : "ascending");
      else header.removeAttribute("aria-sort");
    });
    const shown = rows.filter((line) => !line.row.hidden).length;
    one("#count").textContent = wanted ? `${shown} of ${count} layers` : `${shown} of ${rows.length} rows`;
    resetRows();
    measure();
  }

  const headers = [...table.tHead.rows[0].cells];
  headers.forEach((header, column) => {
    const button = make("button", { type: "button" }, header.textContent);
    button.addEventListener("click", () => {
      const numeric = column > 1;
      sorted = { column, down: sorted.column === column ? !sorted.down : numeric };
      arrange();
    });
    header.replaceChildren(button);
  });
  const resetRows = rove(body, ".pick");
  const turn = (line, close) => {
    const focused = document.activeElement;
    if (close) closed.add(line.block);
    else closed.delete(line.block);
    arrange();
    if (body.contains(focused)) focused.focus({ preventScroll: true });
  };
  const lineOf = (target) => rows.find((line) => line.row === target.closest("tr"));
  body.addEventListener("click", (event) => {
    const line = lineOf(event.target);
    if (event.target.closest(".turn")) turn(line, !closed.has(line.block));
    else if (line && !String(getSelection())) choose(line.layers, one(".pick", line.row), one(".pick", line.row).textContent);
  });
  body.addEventListener("keydown", (event) => {
    const line = event.target.closest(".pick") && lineOf(event.target);
    if (!line || line.block === undefined || !["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    event.preventDefault();
    turn(line, event.key === "ArrowLeft");
  });
  const blocks = rows.filter((line) => line.block !== undefined).map((line) => line.block);
  one("#table-tools").hidden = false;
  one("#fold").hidden = one("#unfold").hidden = !blocks.length;
  one("#fold").addEventListener("click", () => { blocks.forEach((block) => closed.add(block)); arrange(); });
  one("#unfold").addEventListener("click", () => { closed.clear(); arrange(); });
  filter.addEventListener("input", arrange);

  // --- charts: one cursor in all of them ---
  const exact = (value) => value.toLocaleString("en-US");
  function bytes(value) {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let amount = value;
    let unit = 0;
    while (amount >= 1024 && unit < units.length - 1) { amount /= 1024; unit += 1; }
    if (!unit) return `${value} B`;
    return `${amount.toLocaleString("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 })} ${units[unit]}`;
  }
  const readings = {
    params: (index) => `${exact(data.params[index])} parameters`,
    macs: (index) => `${exact(data.macs[index])} MACs`,
    bytes: (index) => bytes(data.bytes[index]),
    live: (index) => `${bytes(data.live[index])} alive`,
    field: (index) => data.fields[index],
  };
  let at = 0;
  const charts = all(".chart").map((figure) => {
    const plot = one(".plot", figure);
    const about = one(".about", figure);
    const words = [...about.childNodes];
    const cursor = plot.appendChild(make("div", { className: "cursor", hidden: true }));
    const says = (index) => `${data.names[index]}: ${readings[figure.dataset.series](index)}`;
    const place = (element, first, last) => {
      element.style.left = `${(100 * first) / count}%`;
      element.style.width = `${(100 * (last - first + 1)) / count}%`;
    };
    plot.setAttribute("role", "slider");
    plot.setAttribute("tabindex", "0");
    plot.setAttribute("aria-label", `${one("h3", figure).textContent} by layer`);
    plot.setAttribute("aria-valuemin", "1");
    plot.setAttribute("aria-valuemax", String(count));
    const read = (index) => {
      cursor.hidden = index === null;
      figure.classList.toggle("live-reading", index !== null);
      if (index === null) return about.replaceChildren(...words);
      place(cursor, index, index);
      about.textContent = says(index);
      return undefined;
    };
    const value = () => {
      plot.setAttribute("aria-valuenow", String(at + 1));
      plot.setAttribute("aria-valuetext", says(at));
    };
    value();
    plot.addEventListener("pointermove", (event) => {
      const box = plot.getBoundingClientRect();
      point(Math.floor((count * (event.clientX - box.left)) / box.width));
    });
    plot.addEventListener("pointerleave", () => point(null));
    plot.addEventListener("focus", () => { if (plot.matches(":focus-visible")) point(at); });
    plot.addEventListener("blur", () => point(null));
    plot.addEventListener("click", () => choose([at], plot));
    plot.addEventListener("keydown", (event) => {
      const steps = {
        ArrowRight: at + 1, ArrowUp: at + 1, ArrowLeft: at - 1, ArrowDown: at - 1,
        PageUp: at + 10, PageDown: at - 10, Home: 0, End: count - 1, Enter: at,
      };
      if (!(event.key in steps)) return;
      event.preventDefault();
      if (event.key === "Enter") choose([at], plot);
      else point(steps[event.key]);
    });
    return {
      read,
      value,
      mark() {
        for (const old of all(".mark", plot)) old.remove();
        const layers = [...chosen].sort((a, b) => a - b);
        layers.forEach((index, order) => {
          if (order && layers[order - 1] === index - 1) return;
          let last = order;
          while (layers[last + 1] === layers[last] + 1) last += 1;
          place(plot.appendChild(make("div", { className: "mark" })), index, layers[last]);
        });
      },
    };
  });
  function point(index) {
    if (index !== null) at = Math.max(0, Math.min(count - 1, index));
    for (const chart of charts) {
      chart.read(index === null ? null : at);
      chart.value();
    }
  }

  // --- feature maps ---
  for (const [figure, layers] of pictures) {
    const name = one("strong", figure);
    const pick = make("button", { type: "button", className: "pick" }, name.textContent);
    name.replaceChildren(pick);
    figure.addEventListener("click", () => choose(layers, pick));
  }

  arrange();
  follow(null);
})();
