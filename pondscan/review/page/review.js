"use strict";
const token = new URLSearchParams(location.search).get("token");
const ours = (path) => `${path}?token=${encodeURIComponent(token)}`;
const one = (id) => document.getElementById(id);
let ponds = [];
let at = 0;
let colours = "natural";

async function ask(path, options = {}) {
  const answer = await fetch(path, { ...options, headers: { "X-Token": token } });
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error);
  return told;
}

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function question(pond) {
  return pond?.is_square ? "Are there ponds in this square that have no outline? How many?" : "Is this a pond?";
}

function facts(pond) {
  if (pond.is_square) return element("p", "Count ponds whose middle lies in the square. 0 to 9: so many; A: one; R: none.");
  const step = pond.area_sigma_m2 > 0 ? 10 ** (Math.floor(Math.log10(1.96 * pond.area_sigma_m2)) - 1) : 1;
  const rounded = (value) => (Math.round(value / step) * step).toLocaleString("en", { maximumFractionDigits: step < 1 ? 1 : 0 });
  const sigma = pond.area_sigma_m2 === null ? "" : ` ± ${rounded(1.96 * pond.area_sigma_m2)}`;
  const rows = [
    ["pond", pond.pond_id], ["site", pond.site_id ?? "none"], ["confidence", pond.confidence.toFixed(2)],
    ["colour", pond.kind.replace("_", "-")], ["state", pond.status], ["area", `${rounded(pond.area_m2)}${sigma} m²`],
    ["diameter", `${pond.diameter_m.toFixed(1)} m`], ["seen", `${pond.n_seen} of ${pond.n_clear} clear looks`],
  ];
  const list = document.createElement("dl");
  for (const [name, value] of rows) {
    const row = document.createElement("div");
    row.append(element("dt", name), element("dd", value));
    list.append(row);
  }
  return list;
}

function look(pond, { number, sensor, date }) {
  const figure = document.createElement("figure");
  for (const zoom of ["near", "wide"]) {
    const picture = element("img", "", { alt: `${zoom === "near" ? "Close" : "Wide"} view in ${colours} colours, ${sensor}, ${date}` });
    picture.src = ours(`/picture/${at}/${number}/${zoom}-${colours}.png`);
    figure.append(picture);
  }
  const caption = element("figcaption", "");
  caption.append(element("b", date), ` ${sensor}`);
  figure.append(caption);
  return figure;
}

function show() {
  const pond = ponds[at];
  const n_said = ponds.filter((other) => other.said).length;
  const what = ponds.some((other) => other.is_square) ? "Unit" : "Pond";
  const more = n_said < ponds.length ? "What you say is kept at once." : "All are judged: end the command with Ctrl-C.";
  one("progress").textContent = ponds.length
    ? `${what} ${at + 1} of ${ponds.length}, ${n_said} judged. ${more}` : "There is no pond to judge.";
  one("share").value = n_said / Math.max(ponds.length, 1);
  if (!pond) return;
  for (const [verdict, [words, of_square]] of Object.entries({ accepted: ["accept", "one pond"], rejected: ["reject", "no pond"] }))
    document.querySelector(`[data-verdict="${verdict}"] span`).textContent = pond.is_square ? of_square : words;
  one("question").textContent = question(pond);
  one("facts").replaceChildren(facts(pond));
  one("looks").style.setProperty("--looks", pond.looks.length);
  one("looks").replaceChildren(...pond.looks.map((told) => look(pond, told)));
  fetchAhead();
  one("note").value = pond.said?.note ?? "";
  for (const button of document.querySelectorAll("[data-verdict]"))
    button.setAttribute("aria-pressed", String(pond.said?.verdict === button.dataset.verdict));
}

// The server draws all dates of a pond at once: one picture of each zoom makes those of the next pond ready.
function fetchAhead() {
  const next = ponds[at + 1];
  const shown = [...document.querySelectorAll("#looks img")];
  if (!next?.looks.length) return;
  const place = at;
  Promise.all(shown.map((picture) => picture.decode().catch(() => {}))).then(() => {
    if (at !== place) return;
    for (const zoom of ["near", "wide"]) new Image().src = ours(`/picture/${at + 1}/${next.looks[0].number}/${zoom}-${colours}.png`);
  });
}

function go(step) {
  at = Math.min(Math.max(at + step, 0), ponds.length - 1);
  show();
}

function recolour() {
  colours = colours === "natural" ? "false" : "natural";
  one("colours").setAttribute("aria-pressed", String(colours === "false"));
  if (ponds.length) show();
}

async function say(verdict, step, n_ponds = null) {
  const pond = ponds[at];
  const note = one("note").value.trim();
  try {
    await ask("/verdict", { method: "POST", body: JSON.stringify({ pond_id: pond.pond_id, verdict, note, n_ponds }) });
    pond.said = { verdict, note, n_ponds };
    one("error").textContent = "";
    go(step);
  } catch (error) {
    one("error").textContent = `Not kept: ${error.message}`;
  }
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !ponds.length) return;
  if (event.target === one("note")) {
    if (event.key === "Enter" || event.key === "Escape") {
      const verdict = ponds[at].said?.verdict;
      if (verdict && event.key === "Enter") say(verdict, 0);
      one("main").focus();
    }
    return;
  }
  if (/^[0-9]$/.test(event.key)) {
    const n_ponds = Number(event.key);
    event.preventDefault();
    say(n_ponds ? "accepted" : "rejected", 1, n_ponds);
    return;
  }
  const actions = {
    a: () => say("accepted", 1), r: () => say("rejected", 1), u: () => say("unsure", 1),
    n: () => one("note").focus(), f: recolour, ArrowLeft: () => go(-1), ArrowRight: () => go(1),
  };
  const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (action) {
    event.preventDefault();
    action();
  }
});
for (const button of document.querySelectorAll("[data-verdict]"))
  button.addEventListener("click", () => say(button.dataset.verdict, 1));
one("colours").addEventListener("click", recolour);
one("previous").addEventListener("click", () => go(-1));
one("next").addEventListener("click", () => go(1));

ask("/ponds.json").then((told) => {
  ponds = told.ponds;
  const first = ponds.findIndex((pond) => !pond.said);
  at = Math.max(first, 0);
  show();
  one("main").focus();
}).catch((error) => { one("error").textContent = error.message; });
