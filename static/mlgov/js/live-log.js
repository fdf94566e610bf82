// A [data-stick-to-bottom] box follows what is appended, until its reader scrolls up.
const near = 24;
const following = new WeakMap();

function watch(box) {
  if (following.has(box)) return;
  following.set(box, true);
  box.scrollTop = location.hash && box.querySelector(":target") ? box.scrollTop : box.scrollHeight;
  box.addEventListener("scroll", () => {
    following.set(box, box.scrollHeight - box.scrollTop - box.clientHeight < near);
  });
  new MutationObserver(() => {
    if (following.get(box)) box.scrollTop = box.scrollHeight;
  }).observe(box, { childList: true, subtree: true });
}

const watchAll = () => document.querySelectorAll("[data-stick-to-bottom]").forEach(watch);
watchAll();
// htmx may replace a whole log, for instance by that of a retry.
new MutationObserver(watchAll).observe(document.body, { childList: true, subtree: true });
