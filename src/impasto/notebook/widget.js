// The widget in the browser: shows the model's picture, and tells it what the sliders say.

const TEMPLATE = `
  <figure>
    <img alt="The picture so far">
    <progress max="1" value="0"></progress>
  </figure>
  <form>
    <label>Style <select name="style"></select></label>
    <label>Strength <output></output>
      <input name="strength" type="range" min="0" max="1" step="0.05"></label>
    <label>Stroke size <output></output>
      <input name="style_scale" type="range" min="0.25" max="4" step="0.25"></label>
    <div class="buttons">
      <button type="button" name="paint">Paint</button>
      <button type="button" name="stop">Stop</button>
    </div>
    <p role="status" aria-live="polite"></p>
  </form>`;

const NO_PICTURE = "This style is known by name only. Paintings need a picture of the style.";

function render({ model, el }) {
  const root = document.createElement("div");
  root.className = "impasto";
  root.innerHTML = TEMPLATE;
  el.append(root);
  const find = (selector) => root.querySelector(selector);
  const image = find("img"), bar = find("progress"), status = find("[role=status]");
  const paint = find("[name=paint]"), stop = find("[name=stop]"), style = find("select");
  let address = "";

  function fillStyles() {
    style.replaceChildren(...model.get("styles").map((name) => new Option(name, name)));
    showValues();
  }

  function showValues() {
    style.value = model.get("style");
    for (const name of ["strength", "style_scale"]) {
      const slider = find(`[name=${name}]`), value = model.get(name);
      if (document.activeElement !== slider) slider.value = value;
      slider.parentElement.querySelector("output").textContent = value.toFixed(2);
    }
    showState();
  }

  function showState() {
    const isRunning = model.get("state") === "running";
    root.dataset.state = model.get("state");
    bar.value = model.get("share");
    status.textContent = model.get("text");
    stop.disabled = !isRunning;
    const isPaintable = model.get("paintable").includes(model.get("style"));
    paint.disabled = !isPaintable;
    paint.title = isPaintable ? "" : NO_PICTURE;
  }

  function showPicture() {
    const bytes = model.get("shown");
    if (!bytes || !bytes.byteLength) return;
    const before = address;
    address = URL.createObjectURL(new Blob([bytes]));
    image.src = address;
    if (before) URL.revokeObjectURL(before);
  }

  function change(name, value) {
    model.set(name, value);
    model.save_changes();
  }

  style.addEventListener("change", () => change("style", style.value));
  for (const name of ["strength", "style_scale"]) {
    const slider = find(`[name=${name}]`);
    slider.addEventListener("input", () => change(name, Number(slider.value)));
  }
  find("form").addEventListener("submit", (event) => event.preventDefault());
  paint.addEventListener("click", () => model.send({ do: "paint" }));
  stop.addEventListener("click", () => model.send({ do: "stop" }));

  const heard = [
    ["change:styles", fillStyles],
    ...["style", "strength", "style_scale"].map((name) => [`change:${name}`, showValues]),
    ...["state", "share", "text", "paintable"].map((name) => [`change:${name}`, showState]),
    ["change:shown", showPicture],
  ];
  for (const [event, listener] of heard) model.on(event, listener);
  fillStyles();
  showPicture();
  return () => {
    for (const [event, listener] of heard) model.off(event, listener);
    if (address) URL.revokeObjectURL(address);
  };
}

export default { render };
