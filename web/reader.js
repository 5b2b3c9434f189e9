// reader.js - what the reader chose, and the browser remembers: the language, light or dark.
const LANGUAGES = ['en', 'zh'];
const STILL = matchMedia('(prefers-reduced-motion: reduce)');
const DARK = matchMedia('(prefers-color-scheme: dark)');

function recall(key) {
  try {
    return localStorage.getItem(`fairlead-${key}`);
  } catch {
    return null;
  }
}

function remember(key, value) {
  try {
    localStorage.setItem(`fairlead-${key}`, value);
  } catch {
    // It holds until the page is left, then.
  }
}

// ?lang= of the address, what was chosen before, or what the browser asks for.
export function languageOf() {
  const wanted = [
    new URLSearchParams(location.search).get('lang'),
    recall('language'),
    navigator.language?.slice(0, 2),
  ];
  return wanted.find((one) => LANGUAGES.includes(one)) ?? 'en';
}

export function chooseLanguage(language) {
  remember('language', language);
  document.documentElement.lang = language === 'zh' ? 'zh-Hans' : 'en';
}

export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === 'dark' : DARK.matches;
}

export function switchTheme() {
  const theme = isDark() ? 'light' : 'dark';
  document.documentElement.dataset.theme = theme;
  remember('theme', theme);
}

export function prefersReducedMotion() {
  return STILL.matches;
}

// Calls when what the system prefers has changed.
export function onpreference(call) {
  STILL.addEventListener('change', call);
  DARK.addEventListener('change', call);
}
