// Filters examples by test set, kind of change and text; without it all examples stay in their <details>.
(() => {
  "use strict";
  const form = document.querySelector("form.filter");
  if (form) {
    const test = form.querySelector("[data-filter-test]");
    const boxes = [...form.querySelectorAll("input[type=checkbox]")];
    const search = form.querySelector("[data-filter-search]");
    const sets = [...document.querySelectorAll("details.set")];
    const shown = form.querySelector("output");
    const texts = new Map();
    const text = (node) => {
      if (!texts.has(node)) texts.set(node, node.textContent.toLowerCase());
      return texts.get(node);
    };
    const apply = (event) => {
      const asked = search.value.trim().toLowerCase();
      const kinds = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
      const all = kinds.size === boxes.length && test.value === "" && asked === "";
      let n = 0;
      for (const set of sets) {
        const wanted = test.value === "" || set.dataset.test === test.value;
        const named = asked !== "" && text(set.querySelector("summary")).includes(asked);
        let inside = 0;
        for (const example of set.querySelectorAll("article")) {
          example.hidden = !(wanted && kinds.has(example.dataset.change) && (asked === "" || named || text(example).includes(asked)));
          if (!example.hidden) inside += 1;
        }
        set.hidden = inside === 0;
        if (event && !all && inside && n < 40) set.open = true;
        n += inside;
      }
      shown.textContent = n.toLocaleString("en");
    };
    form.hidden = false;
    let waiting = 0;
    search.addEventListener("input", (event) => {
      clearTimeout(waiting);
      waiting = setTimeout(() => apply(event), 150);
    });
    form.addEventListener("change", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    apply(null);
  }
  const contents = document.querySelector("nav.toc details");
  if (contents && window.matchMedia("(max-width: 74rem)").matches) contents.open = false;
})();
