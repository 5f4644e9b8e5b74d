"use strict";
// Only what makes reading easier: without it the page is whole, as plain tables. Of large tables a part is drawn.
document.documentElement.className = "js loading";
addEventListener("DOMContentLoaded", () => {
  const BATCH = 200;
  const search = document.getElementById("search");
  const form = document.querySelector("form.tools");
  const picks = [...document.querySelectorAll("select[data-by]")];
  const unfold = document.getElementById("unfold");
  const filtered = document.querySelector(".filtered");
  const number = new Intl.NumberFormat("en");
  const order = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  let open = false;

  // An entry is a row, or its source until it is drawn: of 50,000 rows a browser builds those that are looked at.
  const ENTITIES = { amp: "&", lt: "<", gt: ">", "#34": "\"", "#39": "'" };
  const plain = (source) => source.replace(/<[^>]*>/g, " ").replace(/&(amp|lt|gt|#34|#39);/g, (_, name) => ENTITIES[name]);
  const builder = document.createElement("template");
  class Entry {
    constructor(row, source) {
      this.row = row;
      this.source = source;
      const [message, rule, reason] = row
        ? [row.dataset.message, row.dataset.rule, row.dataset.reason]
        : source.match(/-?\d+/g);
      this.by = { message, rule, reason };
    }
    get element() {
      if (!this.row) {
        builder.innerHTML = `<table><tbody>${this.source}</table>`;
        this.row = builder.content.querySelector("tr");
      }
      return this.row;
    }
    get text() {
      return this.searched ??= (this.source ? plain(this.source) : this.row.textContent).toLowerCase();
    }
    cell(column) {
      if (this.source) return plain(`<td${this.source.split("<td")[column + 1].split("</summary>")[0]}`).trim();
      const cell = this.row.cells[column];
      return (cell.querySelector("summary") ?? cell).textContent.trim();
    }
  }

  const listings = [...document.querySelectorAll("table.rows")].map((table) => {
    const body = table.tBodies[0];
    const rest = table.nextElementSibling?.matches("noscript") ? table.nextElementSibling : null;
    const sources = rest ? rest.textContent.split("<tr ").slice(1).map((one) => `<tr ${one.split("</tbody>")[0]}`) : [];
    const all = [...[...body.rows].map((row) => new Entry(row)), ...sources.map((source) => new Entry(null, source))];
    rest?.remove();
    const more = document.createElement("button");
    const none = document.createElement("p");
    more.type = "button";
    more.className = "more";
    none.className = "none";
    none.textContent = "No row fits.";
    table.after(none, more);
    const count = table.closest("section").querySelector("output");
    const listing = { table, body, all, sorted: all, fitting: all, drawn: 0, more, none, count };
    more.addEventListener("click", () => draw(listing, BATCH));
    new IntersectionObserver((seen) => {
      if (seen.some((one) => one.isIntersecting)) draw(listing, BATCH);
    }, { rootMargin: "600px" }).observe(more);
    [...table.tHead.rows[0].cells].forEach((cell, column) => {
      // No button element: Chromium does not repeat a table head that holds one on the next sheet of paper.
      const button = document.createElement("span");
      button.role = "button";
      button.tabIndex = 0;
      button.textContent = cell.textContent;
      cell.replaceChildren(button);
      button.addEventListener("click", () => sort(listing, cell, column));
      button.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        sort(listing, cell, column);
      });
    });
    return listing;
  });

  function draw(listing, rows) {
    const next = listing.fitting.slice(listing.drawn, listing.drawn + rows).map((entry) => entry.element);
    for (const row of next) {
      const details = row.querySelector("details");
      if (details && open) details.open = true;
    }
    listing.body.append(...next.length < 20000 ? next : [pieces(next)]);
    listing.drawn += next.length;
    const left = listing.fitting.length - listing.drawn;
    listing.more.hidden = !left;
    listing.more.textContent = `${number.format(listing.drawn)} of ${number.format(listing.fitting.length)} shown: show more`;
  }

  function pieces(rows) {
    const all = document.createDocumentFragment();
    for (const row of rows) all.append(row);
    return all;
  }

  function restart(listing) {
    listing.body.replaceChildren();
    listing.drawn = 0;
    draw(listing, BATCH);
    listing.none.hidden = listing.fitting.length > 0;
    const [fit, there] = [listing.fitting.length, listing.all.length].map(number.format);
    listing.count.textContent = fit === there ? there : `${fit} of ${there}`;
  }

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = picks.filter((pick) => pick.value !== "");
    for (const listing of listings) {
      listing.fitting = listing.sorted.filter((entry) =>
        chosen.every((pick) => entry.by[pick.dataset.by] === pick.value) &&
        words.every((word) => entry.text.includes(word)));
      restart(listing);
    }
    const said = chosen.map((pick) => `${pick.dataset.by} “${pick.selectedOptions[0].textContent}”`);
    if (words.length) said.unshift(`search “${search.value.trim()}”`);
    filtered.textContent = said.length ? `Not all rows are listed: ${said.join(", ")}.` : "";
  }

  function sort(listing, cell, column) {
    const was = cell.getAttribute("aria-sort");
    const now = was === "ascending" ? "descending" : was === "descending" ? null : "ascending";
    for (const other of listing.table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    if (now) cell.setAttribute("aria-sort", now);
    const sign = now === "descending" ? -1 : 1;
    listing.sorted = !now ? listing.all : listing.all.map((entry) => [entry.cell(column), entry])
      .sort(([a], [b]) => sign * order.compare(a, b)).map(([, entry]) => entry);
    filter();
  }

  function unfoldAll(wanted) {
    open = wanted;
    for (const listing of listings) {
      for (const details of listing.body.querySelectorAll("details")) details.open = open;
    }
    unfold.textContent = open ? "fold all" : "unfold all";
  }

  let waiting;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 120);
  });
  for (const pick of picks) pick.addEventListener("change", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  unfold.addEventListener("click", () => unfoldAll(!open));

  // Enter and Space unfold by themselves: a row's content is a details element.
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "Escape" && event.target === search) {
      search.value = "";
      filter();
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && event.target.matches(".rows summary")) {
      const row = event.target.closest("tr");
      const next = event.key === "ArrowDown" ? row.nextElementSibling : row.previousElementSibling;
      if (next) {
        event.preventDefault();
        next.querySelector("summary").focus();
      }
    }
  });
  document.addEventListener("click", (event) => {
    const row = event.target.closest(".rows tbody tr");
    const details = row && !event.target.closest("summary, dl") && String(getSelection()) === "" && row.querySelector("details");
    if (details) details.open = !details.open;
  });

  // Paper has no button for more: every row that fits is printed, unfolded.
  const folded = [];
  addEventListener("beforeprint", () => {
    for (const listing of listings) {
      draw(listing, Infinity);
      for (const details of listing.body.querySelectorAll("details:not([open])")) {
        folded.push(details);
        details.open = true;
      }
    }
  });
  addEventListener("afterprint", () => {
    for (const details of folded.splice(0)) details.open = false;
    for (const listing of listings) restart(listing);
  });

  for (const listing of listings) restart(listing);
  document.documentElement.classList.remove("loading");
});
