// Texts of the page in the language of the person.

import { EN } from "./words-en.js";
import { ZH } from "./words-zh.js";

const TEXTS = { en: EN, zh: ZH };

const listeners = [];
let language = remembered() || (navigator.language.startsWith("zh") ? "zh" : "en");

function remembered() {
  try {
    return localStorage.getItem("language");
  } catch {
    return ""; // the browser keeps nothing
  }
}

// Texts of another page, in both languages; they replace those of the same keys.
export function addTexts({ en, zh }) {
  Object.assign(TEXTS.en, en);
  Object.assign(TEXTS.zh, zh);
}

// A text with its {names} filled in; an unknown key is shown as it is.
export function text(key, values = {}) {
  const found = TEXTS[language][key] ?? TEXTS.en[key] ?? key.split(".").pop();
  return found.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

// A time for people.
export function duration(seconds) {
  if (seconds < 90) return text("seconds", { n: seconds < 10 ? Math.max(0.1, Number(seconds.toFixed(1))) : Math.round(seconds) });
  if (seconds < 5400) return text("minutes", { n: Math.round(seconds / 60) });
  return text("hours", { n: Number((seconds / 3600).toFixed(1)) });
}

// Bytes for people.
export function bytes(count) {
  return count < 1e9 ? `${Math.round(count / 1e6)} MB` : `${(count / 1e9).toFixed(1)} GB`;
}

// Call a function now and whenever the language changes.
export function onLanguage(listener) {
  listeners.push(listener);
  listener();
}

export function toggleLanguage() {
  language = language === "en" ? "zh" : "en";
  try {
    localStorage.setItem("language", language);
  } catch {
    // It is chosen again next time.
  }
  for (const listener of listeners) listener();
}

// The texts of the elements that name theirs: data-text, and data-label for what is only heard.
export function translatePage() {
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = text(element.dataset.text);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", text(element.dataset.label));
}

export const otherLanguage = () => (language === "en" ? "zh" : "en");
