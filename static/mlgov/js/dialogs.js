// <a href="#approve" data-dialog> opens <dialog id="approve"> as a modal one.
// Without this file the link still shows it, through :target.
function open(id) {
  const dialog = document.getElementById(id);
  if (!(dialog instanceof HTMLDialogElement) || dialog.open) return false;
  dialog.showModal();
  return true;
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("a[data-dialog]");
  if (opener) {
    if (open(decodeURIComponent(opener.hash.slice(1)))) event.preventDefault();
    return;
  }
  const closer = event.target.closest("[data-dialog-close]");
  const onBackdrop = event.target instanceof HTMLDialogElement && event.target.open;
  const dialog = closer?.closest("dialog") ?? (onBackdrop ? event.target : null);
  if (!dialog) return;
  event.preventDefault();
  dialog.close();
});

// A link in a mail may lead straight to the decision.
if (location.hash.length > 1 && open(decodeURIComponent(location.hash.slice(1)))) {
  history.replaceState(null, "", location.pathname + location.search);
}
