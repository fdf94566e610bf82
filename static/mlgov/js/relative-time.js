// <time datetime="…" data-relative> says "5 minutes ago"; the absolute time stays in its title.
const units = [
  ["year", 31_557_600],
  ["month", 2_629_800],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];
const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

function inWords(date) {
  const seconds = (date - Date.now()) / 1000;
  for (const [unit, length] of units) {
    if (Math.abs(seconds) >= length) return words.format(Math.trunc(seconds / length), unit);
  }
  return seconds > 5 ? "in a moment" : "just now";
}

function tell(root) {
  for (const element of root.querySelectorAll("time[data-relative]")) {
    const date = new Date(element.dateTime);
    if (Number.isNaN(date.getTime())) continue;
    const text = inWords(date);
    if (element.textContent !== text) element.textContent = text;
  }
}

tell(document);
setInterval(() => tell(document), 30_000);
new MutationObserver((changes) => {
  for (const { addedNodes } of changes) {
    for (const node of addedNodes) {
      if (node.nodeType === Node.ELEMENT_NODE) tell(node.parentElement ?? document);
    }
  }
}).observe(document.body, { childList: true, subtree: true });
