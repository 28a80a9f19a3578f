"use strict";
(() => {
  const box = document.getElementById("explorer");
  if (!box) return;
  const told = JSON.parse(document.getElementById("explorer-data").textContent);
  const [width, height] = told.size_m;
  const whole = L.latLngBounds([0, 0], [height, width]);
  const map = L.map(box, {
    crs: L.CRS.Simple, zoomSnap: 0.1, zoomDelta: 0.5, minZoom: -12, maxZoom: 4, attributionControl: false, preferCanvas: true,
  });
  L.control.scale({ imperial: false }).addTo(map);
  const reduced = matchMedia("(prefers-reduced-motion: reduce)").matches;
  map.fitBounds(whole, { animate: false });
  map.setMinZoom(map.getZoom() - 1);
  map.setMaxBounds(whole.pad(2));
  const names = { p: "present", c: "covered", u: "unobserved", g: "gone" };
  const dashes = { present: null, covered: "1 4", unobserved: "6 4", gone: "2 4" };
  const byId = (id) => document.getElementById(id);
  const element = (name, text) => Object.assign(document.createElement(name), { textContent: text });
  const slider = byId("explorer-look");
  const newest = told.looks.length - 1;
  const pictures = new Map(told.pictures.map(({ look, uri }) => [look, uri]));
  let overlay = null;

  const classOf = (value) => told.colors.confidence.findLast(([least]) => value >= least) ?? told.colors.confidence[0];
  const colors = {
    kind: (pond) => told.colors.kind[pond.kind],
    status: (pond, state) => told.colors.status[state],
    confidence: (pond) => classOf(pond.confidence)[1],
  };
  const legends = {
    kind: () => Object.entries(told.colors.kind),
    status: () => Object.entries(told.colors.status),
    confidence: () => told.colors.confidence.map(([least, color, words]) => [words, color]),
  };

  function card(rows) {
    const list = document.createElement("dl");
    list.className = "explorer-card";
    for (const [name, value] of rows) list.append(element("dt", name), element("dd", value));
    return list;
  }
  const layers = told.layers.map((layer) => {
    const style = { color: layer.color, weight: 2, fill: false };
    const casing = { color: "#17262e", weight: 4, opacity: 0.6, fill: false, interactive: false };
    const draw = {
      polygon: (paths) => [L.polygon(paths, casing), L.polygon(paths, { ...style, dashArray: "8 4" })],
      line: (paths) => [L.polyline(paths, casing), L.polyline(paths, style)],
      point: (paths) => paths.map(([place]) => L.circleMarker(place, { ...style, radius: 5, color: "#17262e", weight: 1, fill: true, fillColor: layer.color, fillOpacity: 1 })),
    };
    const shapes = layer.shapes.flatMap((shape) => draw[shape.kind](shape.paths).map((drawn) => (
      drawn.bindPopup(() => card([[layer.name, shape.name || "no name"]])))));
    return L.layerGroup(shapes).addTo(map);
  });
  const ponds = told.ponds.map((pond) => {
    const casing = L.polygon(pond.ring, { color: "#17262e", weight: 4, fill: false, interactive: false });
    const shape = L.polygon(pond.ring, { weight: 2, fillOpacity: 0.25 });
    shape.bindPopup(() => card([
      ["Pond", pond.id], ["Site", pond.site ?? "none"], ["Liquid", pond.area], ["Colour", pond.kind],
      ["Confidence", pond.confidence.toFixed(2)], ["On this date", stateOf(pond) || "not known yet"], ["At the newest look", pond.status],
    ]));
    return { pond, layer: L.layerGroup([casing, shape]), shape };
  });
  const sites = told.sites.map((site) => {
    const shape = L.polygon(site.ring, { color: "#ffffff", weight: 1.5, dashArray: dashes[site.status], fill: false });
    shape.bindPopup(() => {
      const told = element("div", "");
      const link = Object.assign(element("a", "pictures over dates"), { href: `#${site.place}` });
      told.append(card([["Site", site.id], ["State", site.status], ["Ponds", site.n_ponds], ["Liquid", site.area]]), link);
      return told;
    });
    return { site, shape };
  });
  const footprints = L.layerGroup(sites.map(({ shape }) => shape)).addTo(map);

  const look = () => (slider ? Number(slider.value) : newest);
  const stateOf = (pond) => (pond.states ? names[pond.states[look()]] ?? "" : pond.status);

  function paint() {
    const mode = byId("explorer-color").value;
    let n_present = 0;
    for (const { pond, layer, shape } of ponds) {
      const state = stateOf(pond);
      if (state === "present") n_present += 1;
      if (!state) { layer.remove(); continue; }
      const color = colors[mode](pond, state);
      shape.setStyle({ color, fillColor: color, dashArray: dashes[state], fillOpacity: state === "present" ? 0.3 : 0 });
      layer.addTo(map);
    }
    const when = told.looks[look()];
    const shown = [...pictures.keys()].filter((number) => number <= look()).pop() ?? [...pictures.keys()][0];
    if (overlay) overlay.remove();
    overlay = shown === undefined ? null : L.imageOverlay(pictures.get(shown), whole, { alt: "", zIndex: 1 }).addTo(map).bringToBack();
    const other = shown !== undefined && shown !== look() ? `; picture of ${told.looks[shown].date}` : "";
    byId("explorer-when").textContent = when ? `${when.date}, ${when.sensor}: ${n_present} ponds present${other}` : `${n_present} ponds present`;
    if (slider) slider.setAttribute("aria-valuetext", byId("explorer-when").textContent);
    byId("explorer-legend").replaceChildren(...legends[mode]().map(([words, color]) => {
      const item = element("li", words);
      const swatch = element("span", "");
      swatch.className = "swatch";
      swatch.style.background = color;
      item.prepend(swatch);
      return item;
    }));
  }

  function pick(id) {
    const found = sites.find(({ site }) => site.id === id);
    if (!found) return;
    map.fitBounds(found.shape.getBounds().pad(0.3), { animate: !reduced, maxZoom: 2 });
    found.shape.openPopup();
    byId("explore").scrollIntoView({ behavior: reduced ? "auto" : "smooth", block: "start" });
    box.focus({ preventScroll: true });
  }

  const day = (one) => one.date.slice(0, 10);
  if (slider) {
    slider.value = told.opens_on;
    byId("explorer-first").textContent = day(told.looks[0]);
    byId("explorer-last").textContent = day(told.looks[newest]);
    slider.addEventListener("input", paint);
  }
  byId("explorer-color").addEventListener("change", paint);
  byId("explorer-sites").addEventListener("change", ({ target }) => { target.checked ? footprints.addTo(map) : footprints.remove(); });
  layers.forEach((layer, number) => byId(`explorer-layer-${number}`).addEventListener("change", ({ target }) => {
    target.checked ? layer.addTo(map) : layer.remove();
  }));
  byId("explorer-whole").addEventListener("click", () => map.fitBounds(whole));
  for (const link of document.querySelectorAll("[data-pick]"))
    link.addEventListener("click", (event) => { event.preventDefault(); pick(link.dataset.pick); });
  paint();
  const shapes = [...ponds, ...sites].map(({ shape }) => shape.getBounds());
  if (shapes.length) {
    const found = shapes.reduce((all, one) => all.extend(one), L.latLngBounds(shapes[0].getSouthWest(), shapes[0].getNorthEast()));
    map.fitBounds(found.pad(0.12), { animate: false });
  }
})();
(() => {
  const search = document.getElementById("site-search");
  if (!search) return;
  const rows = [...document.querySelectorAll("#sites table.sortable tbody tr")];
  search.addEventListener("input", () => {
    const wanted = search.value.trim().toLowerCase();
    let n_shown = 0;
    for (const row of rows) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
      n_shown += !row.hidden;
    }
    document.getElementById("site-search-found").textContent = wanted ? `${n_shown} of ${rows.length}` : "";
  });
})();
