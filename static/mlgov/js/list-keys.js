// j and k walk through the links marked data-row inside a data-keys list; Enter follows, as for any link.
const typing = "input, textarea, select, [contenteditable]";

document.addEventListener("keydown", (event) => {
  if (event.key !== "j" && event.key !== "k") return;
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest(typing)) return;
  if (document.querySelector("dialog[open]")) return;

  const rows = [...document.querySelectorAll("[data-keys] a[data-row]")];
  if (!rows.length) return;
  const here = rows.indexOf(document.activeElement);
  const next = event.key === "j" ? Math.min(here + 1, rows.length - 1) : Math.max(here - 1, 0);
  rows[next].focus();
  rows[next].scrollIntoView({ block: "nearest" });
  event.preventDefault();
});
