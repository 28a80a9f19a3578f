"use strict";
(() => {
  const all = [...document.querySelectorAll("details.place")];
  if (!all.length) return;
  const svgs = "http://www.w3.org/2000/svg";
  const drawn = (name, attributes, ...children) => {
    const made = document.createElementNS(svgs, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const text = (name, words, kind = "") => Object.assign(document.createElement(name), { textContent: words, className: kind });

  function picture(told, chip) {
    const [x, y, width, height] = chip.box;
    const strip = drawn("svg", { width: 1000, height: 1000, viewBox: `${x} ${y} ${width} ${height}` },
      drawn("image", { href: told.uri, width: told.size[0], height: told.size[1] }));
    const rings = drawn("g", { class: "rings" });
    for (const [points, id, state, confidence, sureness, isMeasured] of chip.rings) {
      const title = `${id}: ${state}, confidence ${confidence.toFixed(2)}${isMeasured ? "" : ", not measured on this date"}`;
      rings.append(drawn("polygon", { class: "casing", points }));
      rings.append(drawn("polygon", { class: isMeasured ? "ring" : "ring carried", points, style: `--state:var(--${state});--confidence:var(--sure-${sureness})` },
        drawn("title", {}, title)));
    }
    const [length, name] = chip.scale;
    const bar = `M30 940V965H${30 + length}V940`;
    const scale = drawn("g", { class: "scale" }, drawn("path", { class: "under", d: bar }), drawn("path", { d: bar }),
      drawn("text", { x: 30 + length / 2, y: 925, "text-anchor": "middle" }, name));
    const words = [chip.time, chip.sensor, chip.seen, chip.hidden, chip.preview].filter(Boolean).join(", ");
    return drawn("svg", { class: "chip", viewBox: "0 0 1000 1000", role: "img", "aria-label": words }, strip, rings, scale);
  }

  function caption(chip) {
    const made = text("figcaption", "");
    const whole = (words) => words.replaceAll(" m²", "\u00a0m²").replaceAll(" ± ", "\u00a0±\u00a0"); // stays on one line
    made.append(text("b", chip.date), ` ${chip.sensor}, ${chip.pixel.replace(" ", "\u00a0")}`, text("span", whole(chip.seen)));
    if (chip.hidden) made.append(text("span", chip.hidden, "hidden-by"));
    if (chip.preview) made.append(text("span", chip.preview, "preview"));
    const scene = text("small", "", "mono");
    scene.append(...chip.scene.split(/(?<=[_;])/).flatMap((part) => [part, document.createElement("wbr")]));
    made.append(scene);
    return made;
  }

  function build(place) {
    if (place.dataset.built) return;
    place.dataset.built = "yes";
    const told = JSON.parse(place.querySelector("script").textContent);
    const list = place.querySelector(".strip");
    const count = told.chips.length;
    list.style.setProperty("--columns", count <= 6 ? Math.max(count, 4) : 4);
    for (const chip of told.chips) {
      const figure = document.createElement("figure");
      if (chip.hidden) figure.className = "clouded";
      figure.append(picture(told, chip), caption(chip));
      const item = document.createElement("li");
      item.append(figure);
      list.append(item);
    }
    if (!told.chips.length) place.querySelector(".no-strip").hidden = false;
    const chart = place.querySelector(".chart");
    if (told.chart) chart.innerHTML = told.chart; else chart.remove();
  }

  function show(place) {
    place.open = true;
    build(place);
    place.scrollIntoView({ block: "start" });
  }
  const aimed = () => document.getElementById(location.hash.slice(1))?.closest("details.place");
  for (const place of all) {
    place.addEventListener("toggle", () => { if (place.open) build(place); });
    if (place.open) build(place);
  }
  addEventListener("hashchange", () => { const place = aimed(); if (place) show(place); });
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="#place-"]');
    if (link && link.getAttribute("href") === location.hash) show(aimed());
  });
  if (aimed()) show(aimed());
  const box = document.getElementById("places");
  document.getElementById("place-outlines").addEventListener("change", ({ target }) => { box.dataset.outlines = target.value; });
  document.getElementById("place-all").addEventListener("click", ({ target }) => {
    const isOpening = target.getAttribute("aria-pressed") !== "true";
    target.setAttribute("aria-pressed", String(isOpening));
    target.textContent = isOpening ? "Close all" : "Open all";
    for (const place of all) place.open = isOpening;
  });
  addEventListener("beforeprint", () => {
    for (const place of all) if (place.open) build(place);
  });
})();
