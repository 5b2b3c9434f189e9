// theme.js - the reader's choice of light or dark, before anything is drawn. No module: those wait for the document.
try {
  const chosen = localStorage.getItem('fairlead-theme');
  if (chosen) document.documentElement.dataset.theme = chosen;
} catch {
  // A browser that keeps nothing shows what its system prefers.
}
