// A result as a command and as a program, to be made again elsewhere.

import { text } from "./i18n.js";
import * as service from "./service.js";

const $ = (id) => document.getElementById(id);

export class Code {
  constructor() {
    $("code-close").addEventListener("click", () => $("code-dialog").close());
    for (const name of ["command", "python"]) {
      $(`copy-${name}`).addEventListener("click", async () => {
        $("code-told").textContent = text((await copied($(name).textContent)) ? "isCopied" : "selectIt");
        if (!navigator.clipboard) getSelection().selectAllChildren($(name));
      });
    }
  }

  // files: upload → File, of what this page has sent; the server says what the command calls them.
  async show(id, files) {
    const told = await service.code(id);
    $("command").textContent = told.command ?? text("noCommand");
    $("copy-command").hidden = !told.command;
    $("python").textContent = told.python;
    $("code-told").textContent = "";
    $("code-files").replaceChildren(...this.links(told.files, files ?? new Map()));
    $("code-dialog").showModal();
    $("code-close").focus();
  }

  links(names, files) {
    const parts = [];
    for (const [upload, name] of Object.entries(names)) {
      const file = files.get(upload);
      const link = document.createElement(file || upload.startsWith("sample:") ? "a" : "span");
      link.textContent = name;
      if (link.tagName === "A") {
        link.href = file ? URL.createObjectURL(file) : `/static/samples/${name}`;
        link.download = name;
      }
      parts.push(parts.length ? ", " : `${text("filesNamed")} `, link);
    }
    return parts;
  }
}

// Copy a text; whether it went: without HTTPS there is no clipboard.
export async function copied(words) {
  return Boolean(await navigator.clipboard?.writeText(words).then(() => true, () => false));
}
