// Saves figures (SVG, CSV) and tables (CSV), copies tables as Markdown. The buttons exist only where this script runs.
(() => {
  "use strict";
  const words = document.body.dataset;
  const save = (name, type, text) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
  };
  // A spreadsheet runs what begins like a formula: such text gets an apostrophe, numbers and intervals stay.
  const field = (value) => {
    let text = value === null || value === undefined ? "" : String(value).replaceAll("\u2212", "-");
    if (typeof value !== "number" && /^[=+\-@\t\r]/.test(text) && !/^[+-][\d.,%\s[\]+\-▲▼■◆●✕]*$/.test(text)) text = `'${text}`;
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const csv = (rows) => "\ufeff" + rows.map((row) => row.map(field).join(",")).join("\r\n") + "\r\n";
  const words_of = (cell) => [...cell.childNodes].map((node) => node.textContent.replace(/\s+/g, " ").trim()).filter(Boolean).join(" ");
  const grid = (table) => {
    const rows = [];
    [...table.rows].forEach((row, y) => {
      rows[y] ??= [];
      for (const cell of row.cells) {
        let x = 0;
        while (rows[y][x] !== undefined) x += 1;
        for (let down = 0; down < cell.rowSpan; down += 1)
          for (let right = 0; right < cell.colSpan; right += 1) (rows[y + down] ??= [])[x + right] = down || (right && cell.parentNode.parentNode.tagName === "TBODY") ? "" : words_of(cell);
      }
    });
    const heads = table.tHead ? table.tHead.rows.length : 0;
    const body = rows.slice(heads);
    const width = Math.max(...rows.map((row) => row.length));
    const head = Array.from({ length: width }, (_, x) => [...new Set(rows.slice(0, heads).map((row) => row[x]).filter(Boolean))].join(" · "));
    return [head, ...body.map((row) => Array.from({ length: width }, (_, x) => row[x] ?? ""))];
  };
  const line = (row) => `| ${row.map((text) => text.replace(/[\\`*_[\]<>|]/g, "\\$&")).join(" | ")} |`;
  const markdown = ([head, ...body]) => [line(head), `|${" --- |".repeat(head.length)}`, ...body.map(line)].join("\n") + "\n";
  // Colours of a figure are variables of the page; a file of its own needs them as they are now.
  const standalone = (svg) => {
    const made = svg.cloneNode(true);
    const own = [svg, ...svg.querySelectorAll("*")];
    [made, ...made.querySelectorAll("*")].forEach((node, place) => {
      const style = getComputedStyle(own[place]);
      for (const name of ["fill", "stroke"]) if (node.hasAttribute(name)) node.setAttribute(name, style[name]);
      if (node.tagName === "text") node.setAttribute("font-family", "sans-serif");
    });
    const ground = document.createElementNS(svg.namespaceURI, "rect");
    for (const [name, value] of [["width", "100%"], ["height", "100%"], ["fill", getComputedStyle(document.body).backgroundColor]]) ground.setAttribute(name, value);
    made.prepend(ground);
    made.removeAttribute("aria-hidden");
    return new XMLSerializer().serializeToString(made);
  };
  const offer = (place, actions) => {
    const bar = document.createElement("div");
    bar.className = "save";
    for (const [label, act] of actions) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = label;
      button.addEventListener("click", () => act(button));
      bar.append(button);
    }
    place.after(bar);
  };
  // On paper nothing that is closed may vanish; examples stay as they are.
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details.more:not([open])")];
    for (const one of opened) one.open = true;
  });
  window.addEventListener("afterprint", () => { for (const one of opened) one.open = false; });
  const named = (node, place, end) => `${node.closest("section")?.id ?? "hanka"}-${place + 1}.${end}`;
  document.querySelectorAll("figure").forEach((figure, place) => {
    const drawing = figure.querySelector(".drawing");
    const actions = [[words.svg, () => save(named(figure, place, "svg"), "image/svg+xml", standalone(drawing.querySelector("svg")))]];
    if (drawing.dataset.rows) actions.push([words.csv, () => save(named(figure, place, "csv"), "text/csv", csv(JSON.parse(drawing.dataset.rows)))]);
    offer(figure.lastElementChild, actions);
  });
  document.querySelectorAll(".scroll > table").forEach((table, place) => {
    const said = async (button) => {
      await copy(markdown(grid(table)));
      button.textContent = words.copied;
      setTimeout(() => { button.textContent = words.markdown; }, 1500);
    };
    offer(table.parentNode, [[words.csv, () => save(named(table, place, "csv"), "text/csv", csv(grid(table)))], [words.markdown, said]]);
  });
})();
