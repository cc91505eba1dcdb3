// Runs before the first paint, so that the chosen theme is there from the start. It is a file of
// its own because the Content-Security-Policy allows no inline script.
(() => {
  let theme = 'system';
  try {
    theme = localStorage.getItem('trackway.theme') || 'system';
  } catch {
    // Storage is switched off: the system's theme it is.
  }
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
})();
