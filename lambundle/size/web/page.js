"use strict";
// The map and the list of `lambundle size --html`. Names come from a zip that anybody may have made: they are only
// ever put into the page as text.
(() => {
  const facts = JSON.parse(document.getElementById("facts").textContent);
  const $ = (id) => document.getElementById(id);
  const HUES = [214, 28, 152, 342, 262, 48, 186, 8, 96, 300];
  const TILES = 60;
  const PAGE = 100;

  const human = (bytes) => {
    if (bytes === null) return "";
    for (const [unit, name] of [[1048576, "MiB"], [1024, "KiB"]])
      if (bytes >= unit) return `${(bytes / unit).toLocaleString("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 })} ${name}`;
    return `${bytes} B`;
  };
  const share = (bytes) => `${((100 * bytes) / Math.max(1, facts.unzipped)).toFixed(1)} %`;
  const count = (number, one) => `${number.toLocaleString("en")} ${one}${number === 1 ? "" : "s"}`;
  const base = (name) => name.slice(name.lastIndexOf("/") + 1) || name;
  const brief = (name) => name.replace(/(.)\.so(\.[0-9.]*)?( itself)?$/, "$1$3");
  const make = (tag, properties = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [key, value] of Object.entries(properties))
      if (key in element) element[key] = value;
      else element.setAttribute(key, value);
    element.append(...children);
    return element;
  };

  // ---- two trees of the same files ----

  const node = (name, row = null) => ({ name, row, up: null, children: [], size: 0, total: 0 });
  const put = (above, below) => {
    below.up = above;
    above.children.push(below);
    return below;
  };
  const settle = (top) => {
    const order = [top];
    for (const each of order) order.push(...each.children);
    for (const each of order.reverse()) {
      each.total = each.size + each.children.reduce((sum, child) => sum + child.total, 0);
      if (each.size && each.children.length) {
        const self = put(each, node(`${each.name} itself`, each.row));
        self.size = self.total = each.size;
        each.size = 0;
      }
      each.children.sort((one, other) => other.total - one.total);
    }
    return top;
  };
  const byDirectory = () => {
    const top = node(facts.bundle);
    const places = new Map([["", top]]);
    const directory = (path) => {
      if (!places.has(path)) {
        const cut = path.lastIndexOf("/");
        places.set(path, put(directory(path.slice(0, Math.max(0, cut))), node(path.slice(cut + 1))));
      }
      return places.get(path);
    };
    for (const row of facts.rows) {
      const path = row.name.replace(/^\//, "");
      const cut = path.lastIndexOf("/");
      put(directory(path.slice(0, Math.max(0, cut))), node(path.slice(cut + 1), row)).size = row.size;
    }
    return settle(top);
  };
  const byReason = () => {
    const top = node(facts.bundle);
    const all = facts.reasons.map(([, name, row]) => {
      const each = node(row === null ? name : base(facts.rows[row].name), row === null ? null : facts.rows[row]);
      each.size = each.row ? each.row.size : 0;
      return each;
    });
    facts.reasons.forEach(([up], number) => put(up < 0 ? top : all[up], all[number]));
    return settle(top);
  };
  const trees = { directory: byDirectory(), reason: facts.reasons ? byReason() : null };
  const rowsBelow = (top) => {
    const found = new Set();
    const waiting = [top];
    while (waiting.length) {
      const each = waiting.pop();
      if (each.row) found.add(each.row);
      waiting.push(...each.children);
    }
    return [...found];
  };

  // ---- the map: squarified treemap (Bruls, Huizing, van Wijk 2000) ----

  const squarify = (items, x, y, width, height) => {
    const found = [];
    let left = items.reduce((sum, item) => sum + item.total, 0);
    for (let start = 0; start < items.length && left > 0; ) {
      const short = Math.min(width, height);
      const scale = (width * height) / left;
      const worst = (sum, end) => {
        const side = (sum * scale) / short;
        return Math.max((items[start].total * scale) / side / side, (side * side) / (items[end - 1].total * scale));
      };
      let end = start + 1;
      let sum = items[start].total;
      while (end < items.length && items[end].total && worst(sum + items[end].total, end + 1) <= worst(sum, end)) sum += items[end++].total;
      const side = (sum * scale) / short;
      let at = 0;
      for (; start < end; start++) {
        const length = (items[start].total * scale) / side;
        found.push(width >= height ? [items[start], x, y + at, side, length] : [items[start], x + at, y, length, side]);
        at += length;
      }
      if (width >= height) [x, width] = [x + side, width - side];
      else [y, height] = [y + side, height - side];
      left -= sum;
    }
    return found;
  };
  const tilesOf = (top, most) => {
    const children = top.children.filter((child) => child.total);
    if (children.length <= most) return children;
    const rest = node(`[${(children.length - most + 1).toLocaleString("en")} others]`);
    rest.up = top;
    rest.children = children.slice(most - 1);
    rest.total = rest.children.reduce((sum, child) => sum + child.total, 0);
    return [...children.slice(0, most - 1), rest].sort((one, other) => other.total - one.total);
  };

  /** Where the first branching is: a map of one tile tells nothing. */
  const start = (top) => {
    let each = top;
    while (each.children.length && each.children[0].children.length && each.children[0].total > 0.9 * each.total) each = each.children[0];
    return each;
  };
  let here = start(trees.reason || trees.directory);
  const draw = (focused = null) => {
    const map = $("map");
    const { clientWidth: width, clientHeight: height } = map;
    const items = tilesOf(here, TILES);
    const line = 15;
    const tiles = squarify(items.length ? items : [here], 0, 0, width, height).map(([item, x, y, w, h], number) => {
      const tile = make("button", { type: "button", className: "tile", tabIndex: -1 });
      const inside = item !== here && item.children.length > 0;
      tile.classList.toggle("leaf", !inside);
      tile.classList.toggle("grey", item.name.startsWith("["));
      tile.style.cssText = `left:${x}px;top:${y}px;width:${w}px;height:${h}px;--hue:${HUES[number % HUES.length]}`;
      tile.setAttribute("aria-label", `${item.name}, ${human(item.total)}, ${share(item.total)}${inside ? `, ${count(item.children.length, "part")} inside` : ""}`);
      if (w > 34 && h > line) tile.append(make("span", { className: "name", textContent: brief(item.name) }));
      if (w > 34 && h > 2.4 * line) tile.append(make("span", { className: "amount", textContent: human(item.total) }));
      const top = (w > 150 ? 1.4 : 2.6) * line;
      if (inside && w > 60 && h > top + 2 * line)
        for (const [part, px, py, pw, ph] of squarify(tilesOf(item, 20), 3, top, w - 8, h - top - 5)) {
          if (pw < 5 || ph < 5) continue;
          const inner = make("span", { className: "inner", textContent: pw > 30 && ph > line ? brief(part.name) : "" });
          inner.style.cssText = `left:${px}px;top:${py}px;width:${pw - 1}px;height:${ph - 1}px`;
          tile.append(inner);
        }
      tile.addEventListener("click", () => (inside ? go(item) : tell(item)));
      tile.addEventListener("focus", () => {
        for (const other of tiles) other.tabIndex = other === tile ? 0 : -1;
        tell(item);
      });
      tile.addEventListener("mouseenter", () => tell(item));
      tile.item = item;
      return tile;
    });
    map.replaceChildren(...tiles);
    map.setAttribute("aria-label", `${here.name}, ${human(here.total)}, ${count(tiles.length, "part")}`);
    if (tiles.length) tiles[0].tabIndex = 0;
    if (focused !== null) (tiles.find((tile) => tile.item === focused || tile.item.children.includes(focused)) || tiles[0])?.focus();
    const way = [];
    for (let each = here; each; each = each.up) way.unshift(each);
    $("crumbs").replaceChildren(
      ...way.map((each) => {
        const crumb = make("button", { type: "button", textContent: each.up ? each.name : base(facts.bundle) });
        if (each === here) crumb.setAttribute("aria-current", "true");
        crumb.addEventListener("click", () => go(each));
        return crumb;
      }),
    );
  };
  const go = (to, from = undefined) => {
    here = to;
    draw(from);
    if (from === undefined) $("map").querySelector(".tile")?.focus();
    list();
  };
  const move = (from, dx, dy) => {
    const box = (tile) => [tile.offsetLeft + tile.offsetWidth / 2, tile.offsetTop + tile.offsetHeight / 2];
    const [x, y] = box(from);
    let best = null;
    for (const tile of $("map").children) {
      const [tx, ty] = box(tile);
      const ahead = (tx - x) * dx + (ty - y) * dy;
      const aside = Math.abs((tx - x) * dy) + Math.abs((ty - y) * dx);
      if (ahead > 1 && (!best || ahead + 2 * aside < best[0])) best = [ahead + 2 * aside, tile];
    }
    best?.[1].focus();
  };
  $("map").addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const tiles = $("map").children;
    if (event.key in moves) move(document.activeElement, ...moves[event.key]);
    else if (event.key === "Home") tiles[0].focus();
    else if (event.key === "End") tiles[tiles.length - 1].focus();
    else if ((event.key === "Escape" || event.key === "Backspace") && here.up) go(here.up, here);
    else return;
    event.preventDefault();
  });

  const tell = (item) => {
    const row = item.row && !item.children.length ? item.row : null;
    const lines = [["", item.row ? item.row.name : item.name]];
    lines.push(["unzipped", `${human(item.total)}, ${share(item.total)} of ${human(facts.unzipped)}`]);
    if (row) {
      if (row.compressed !== null) lines.push(["zipped", human(row.compressed)]);
      if (row.saves !== null) lines.push(["saves", human(row.saves)]);
      if (row.why) lines.push(["why", chain(row)]);
      if (row.package) lines.push(["package", row.package]);
    } else lines.push(["inside", `${count(rowsBelow(item).length, "file")}`]);
    $("detail").replaceChildren(...lines.flatMap(([term, text]) => [make("dt", { textContent: term || "what" }), make("dd", { textContent: text })]));
  };
  const chain = (row) => (row.why ? row.why.map((step) => base(facts.steps[step])).join(" › ") : "");

  // ---- the list ----

  const columns = [
    ["File", (row) => row.name, "name", (row) => row.name],
    ["Unzipped", (row) => row.size, "number", (row) => human(row.size)],
    ...(facts.zipped === null ? [] : [["Zipped", (row) => row.compressed, "number", (row) => human(row.compressed)]]),
    ...(facts.reasons ? [["Saves", (row) => row.saves, "number", (row) => human(row.saves)], ["Why", chain, "chain", chain]] : []),
  ];
  let sorted = 1;
  let falling = true;
  let shown = PAGE;
  const list = (most = PAGE) => {
    shown = most;
    const wanted = $("find").value.toLowerCase();
    const key = columns[sorted][1];
    const rows = rowsBelow(here).filter((row) => row.name.toLowerCase().includes(wanted));
    rows.sort((one, other) => {
      const [a, b] = [key(one), key(other)];
      return (falling ? -1 : 1) * (typeof a === "string" ? a.localeCompare(b) : a - b) || one.name.localeCompare(other.name);
    });
    $("files").tBodies[0].replaceChildren(
      ...rows.slice(0, shown).map((row) => make("tr", {}, ...columns.map(([, , style, text]) => make("td", { className: style, textContent: text(row) })))),
    );
    $("files").tHead.replaceChildren(
      make("tr", {}, ...columns.map(([title, , style], number) => {
        const button = make("button", { type: "button", textContent: title });
        button.addEventListener("click", () => {
          falling = sorted === number ? !falling : style === "number";
          sorted = number;
          list();
          $("files").tHead.querySelectorAll("button")[number].focus();
        });
        const head = make("th", { scope: "col", className: style === "number" ? "number" : "" }, button);
        if (sorted === number) head.setAttribute("aria-sort", falling ? "descending" : "ascending");
        return head;
      })),
    );
    const size = rows.reduce((sum, row) => sum + row.size, 0);
    $("count").textContent = `${count(rows.length, "file")}, ${human(size)}${here.up ? ` in ${here.name}` : ""}`;
    $("more").hidden = rows.length <= shown;
  };
  $("find").addEventListener("input", () => list());
  $("more").addEventListener("click", () => list(shown + 5 * PAGE));

  $("search").hidden = false;
  $("views").hidden = !trees.reason;
  $("views").addEventListener("change", (event) => {
    here = start(trees[event.target.value]);
    draw();
    tell(here);
    list();
  });
  new ResizeObserver(() => draw(document.activeElement?.classList.contains("tile") ? document.activeElement.item : null)).observe($("map"));
  draw();
  tell(here);
  list();
})();
