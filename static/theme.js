// Sets the theme before the first paint: what was chosen here, or else what the system says. A file of its own and not a script
// in the page, so that a Content-Security-Policy without inline scripts holds. Load it in <head>, without `defer`.
(() => {
  "use strict";

  const KEY = "modelport.theme"; // "light" or "dark"; anything else follows the system
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");

  const chosen = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // a browser that keeps nothing
    }
  };

  const apply = () => {
    const choice = chosen();
    const theme = choice === "light" || choice === "dark" ? choice : system.matches ? "dark" : "light";
    root.dataset.theme = theme;
    root.style.colorScheme = theme;
    root.classList.toggle("pf-v6-theme-dark", theme === "dark"); // PatternFly's tokens
  };

  apply();
  system.addEventListener("change", apply);
  // Another tab chose; a null key is all of the storage.
  addEventListener("storage", (event) => {
    if (event.key === KEY || event.key === null) apply();
  });
})();
