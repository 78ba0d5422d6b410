// Filters examples by test set and kind of change; without it all examples stay in their <details>.
(() => {
  "use strict";
  const form = document.querySelector("form.filter");
  if (form) {
    const test = form.querySelector("[data-filter-test]");
    const boxes = [...form.querySelectorAll("input")];
    const sets = [...document.querySelectorAll("details.set")];
    const shown = form.querySelector("output");
    const apply = (event) => {
      const kinds = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
      const all = kinds.size === boxes.length && test.value === "";
      let n = 0;
      for (const set of sets) {
        const wanted = test.value === "" || set.dataset.test === test.value;
        let inside = 0;
        for (const example of set.querySelectorAll("article")) {
          example.hidden = !(wanted && kinds.has(example.dataset.change));
          if (!example.hidden) inside += 1;
        }
        set.hidden = inside === 0;
        if (event && !all && inside && n < 40) set.open = true;
        n += inside;
      }
      shown.textContent = n.toLocaleString("en");
    };
    form.hidden = false;
    form.addEventListener("change", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    apply(null);
  }
  const contents = document.querySelector("nav.toc details");
  if (contents && window.matchMedia("(max-width: 74rem)").matches) contents.open = false;
})();
