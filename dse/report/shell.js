(() => {
  "use strict";
  const root = document.documentElement;

  function sortable(table) {
    table.querySelectorAll("thead th").forEach((head, column) => {
      head.classList.add("sort");
      head.onclick = () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        table.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const value = (row) => row.cells[column]?.dataset.v ?? row.cells[column]?.textContent ?? "";
        const rows = [...table.tBodies[0].rows].sort((a, b) =>
          value(a).localeCompare(value(b), "en", { numeric: true }) ||
          a.sectionRowIndex - b.sectionRowIndex);
        const numeric = rows.every((row) => value(row) === "" || !isNaN(Number(value(row))));
        if (numeric) rows.sort((a, b) => Number(value(a)) - Number(value(b)));
        if (down) rows.reverse();
        table.tBodies[0].append(...rows);
      };
    });
  }

  function setTheme(theme) {
    root.dataset.theme = theme;
    document.getElementById("theme").textContent = theme === "dark" ? "Light" : "Dark";
    document.dispatchEvent(new Event("kiln-theme")); // charts take their colours from the theme
  }

  const wanted = new URLSearchParams(location.search).get("theme");
  setTheme(wanted ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
  document.getElementById("theme").onclick = () =>
    setTheme(root.dataset.theme === "dark" ? "light" : "dark");
  document.querySelectorAll("table.sortable").forEach(sortable);
  document.querySelectorAll("button[data-copy]").forEach((button) => {
    button.onclick = async () => {
      const text = document.getElementById(button.dataset.copy).textContent;
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(document.getElementById(button.dataset.copy));
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    };
  });
})();
