/* Makes the tables of a `<div class="filtered">` filterable and sortable, and lets the keyboard reach what scrolls.
   Material loads pages whole (no instant navigation), so that once at the start is enough. */
(() => {
  "use strict";

  const text = (cell) => cell.textContent.trim();
  const number = (words) => (/^[\d,.]+$/.test(words) ? Number(words.replaceAll(",", "")) : NaN);

  const compare = (one, other) => {
    if (!one || !other) return one ? -1 : other ? 1 : 0; // empty cells last
    const [left, right] = [number(one), number(other)];
    return Number.isNaN(left) || Number.isNaN(right) ? one.localeCompare(other, "en", { numeric: true }) : left - right;
  };

  const filterOf = (table, name) => {
    const rows = [...table.tBodies[0].rows];
    const label = document.createElement("label");
    label.className = "table-filter";
    const input = document.createElement("input");
    input.type = "search";
    input.placeholder = "words, in any order";
    const count = document.createElement("output");
    label.append(`Filter ${name} `, input, count);
    const show = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const content = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => content.includes(word));
        shown += !row.hidden;
      }
      count.textContent = `${shown} of ${rows.length}`;
    };
    input.addEventListener("input", show);
    show();
    return label;
  };

  const addSorting = (table) => {
    const body = table.tBodies[0];
    const headers = [...table.tHead.rows[0].cells];
    headers.forEach((header, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      header.append(button);
      header.scope = "col";
      button.addEventListener("click", () => {
        const descending = header.getAttribute("aria-sort") === "ascending";
        for (const other of headers) other.removeAttribute("aria-sort");
        header.setAttribute("aria-sort", descending ? "descending" : "ascending");
        const rows = [...body.rows].sort((one, other) => {
          const [left, right] = [text(one.cells[column]), text(other.cells[column])];
          return descending && left && right ? compare(right, left) : compare(left, right);
        });
        body.append(...rows);
      });
    });
  };

  document.querySelectorAll(".filtered table").forEach((table) => {
    const heading = table.closest(".filtered").dataset.name || "the table";
    const box = document.createElement("div");
    box.className = "table-box";
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", `Table: ${heading}`);
    table.classList.add("filtered-table"); // so that Material does not wrap it once more
    table.replaceWith(filterOf(table, heading), box);
    box.append(table);
    addSorting(table);
  });
  document.getElementById("__search")?.setAttribute("aria-label", "Search");

  // What scrolls is reached by the keyboard. Material wraps tables later, and takes code out of the tab order again where
  // there is no mouse.
  const reach = () => {
    document.querySelectorAll("pre > code, .md-typeset__scrollwrap").forEach((element) => {
      if (element.getAttribute("tabindex") !== "0") element.setAttribute("tabindex", "0");
    });
  };
  reach();
  const changes = { attributeFilter: ["tabindex"], childList: true, subtree: true };
  new MutationObserver(reach).observe(document.querySelector(".md-main"), changes);
})();
