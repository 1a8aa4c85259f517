// The tabs: what is made. Arrow keys move between them, as lists of tabs are used everywhere.

const $ = (id) => document.getElementById(id);

export const TABS = ["paint", "texture", "reconstruct", "video"];

// The tab of a kind of request.
export const tabOf = (kind) => (TABS.includes(kind) ? kind : "paint");

export class Tabs {
  // changed: called with the name of the tab that was chosen.
  constructor(changed) {
    this.changed = changed;
    this.now = "";
    for (const tab of TABS) $(`tab-${tab}`).addEventListener("click", () => this.choose(tab));
    $("tabs").addEventListener("keydown", (event) => {
      const at = TABS.indexOf(this.now);
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: TABS.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      const tab = TABS[(to + TABS.length) % TABS.length];
      this.choose(tab);
      $(`tab-${tab}`).focus();
    });
  }

  choose(tab) {
    if (tab === this.now) return;
    this.now = tab;
    for (const one of TABS) {
      $(`tab-${one}`).setAttribute("aria-selected", String(one === tab));
      $(`tab-${one}`).tabIndex = one === tab ? 0 : -1;
    }
    $("panel").setAttribute("aria-labelledby", `tab-${tab}`);
    for (const part of document.querySelectorAll("[data-on]")) part.hidden = !part.dataset.on.split(" ").includes(tab);
    this.changed(tab);
  }
}
