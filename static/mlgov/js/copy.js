// <button data-copy="text"> copies its text; <button data-copy-from="id"> that of another element.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-from]");
  if (!button) return;

  const text = button.dataset.copy ?? document.getElementById(button.dataset.copyFrom)?.innerText ?? "";
  const announcer = document.getElementById("announcer");
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    if (announcer) announcer.textContent = "The browser did not allow copying.";
    return;
  }
  button.classList.add("copied");
  if (announcer) announcer.textContent = "Copied.";
  setTimeout(() => {
    button.classList.remove("copied");
    if (announcer) announcer.textContent = "";
  }, 2000);
});
