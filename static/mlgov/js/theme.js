// Runs in <head> before anything is drawn, so the page never flashes in the other theme.
// Key and attribute are those of the Django admin: one choice holds for both.
(() => {
  const root = document.documentElement;
  const choices = ["auto", "light", "dark"];

  const chosen = () => {
    try {
      const theme = localStorage.getItem("theme");
      return choices.includes(theme) ? theme : "auto";
    } catch {
      return "auto"; // storage may be forbidden
    }
  };

  const show = (theme) => {
    root.dataset.theme = theme;
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === theme));
    }
  };

  root.classList.add("js");
  show(chosen());

  document.addEventListener("DOMContentLoaded", () => show(chosen()));
  addEventListener("storage", () => show(chosen()));
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-theme-choice]");
    if (!button) return;
    try {
      localStorage.setItem("theme", button.dataset.themeChoice);
    } catch {
      // the choice then holds for this page only
    }
    show(button.dataset.themeChoice);
  });
})();
