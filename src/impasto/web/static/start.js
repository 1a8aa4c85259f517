// The start of the page: language, token, then the page itself.

import { Page } from "./app.js";
import { text, toggleLanguage, translatePage } from "./i18n.js";
import * as service from "./service.js";

const $ = (id) => document.getElementById(id);

async function enter() {
  const found = /^#token=([\w.~-]+)$/.exec(location.hash);
  if (!found) return;
  history.replaceState(null, "", location.pathname);
  await service.enter(found[1]).catch(() => {});
}

async function start() {
  translatePage();
  $("language").addEventListener("click", toggleLanguage);
  $("token-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await service.enter($("token").value);
      location.reload();
    } catch (error) {
      $("token-problem").textContent = error.message;
    }
  });
  await enter();
  const link = location.hash; // which the page changes while it starts
  try {
    const page = new Page(await service.about());
    await page.history.update("");
    if (link) history.replaceState(null, "", `${location.pathname}${link}`);
    await page.attempt(() => page.openLink());
    document.body.dataset.ready = "yes";
  } catch (error) {
    if (error.status === 401) { $("token-dialog").showModal(); return; }
    $("problem").textContent = error.message || text("gone");
    $("problem").hidden = false;
  }
}

start();
