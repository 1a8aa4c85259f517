// Elements of the page by their id.

export function $<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as T;
}

export const input = (id: string) => $<HTMLInputElement>(id);

/** An element with some properties set. */
export function made<K extends keyof HTMLElementTagNameMap>(tag: K, properties: Partial<HTMLElementTagNameMap[K]> = {}): HTMLElementTagNameMap[K] {
  return Object.assign(document.createElement(tag), properties);
}

export const isPressed = (id: string) => $(id).getAttribute("aria-pressed") === "true";

export function press(id: string, isOn: boolean): void {
  $(id).setAttribute("aria-pressed", String(isOn));
}
