"use strict";
// Everything that came from a trace is put in as text, never as markup.
const index = JSON.parse(document.getElementById("index").textContent);
const pieces = document.getElementById("pieces").textContent.trim().split("\n");
const list = document.getElementById("list");
const shown = document.getElementById("shown");
const filters = document.getElementById("filters");
const find = document.getElementById("find");
const PAGE = 100;
const LONG = 1200;
const CONCLUSIONS = ["failed", "undecided", "invalid", "not_asked", "passed"];
const SIGNS = { differs: "≠", not_recorded: "?" };
const LEADS = { result: "→ ", error: "✗ ", missing: "? " };
let chosen = { conclusion: "", title: "", matches: () => true };

index.trials.forEach((trial, number) => {
  trial.n = number;
  trial.text = [index.scenarios[trial.s], index.agents[trial.a], trial.w, trial.e, trial.id].join(" ").toLowerCase();
});

function el(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined && text !== null) node.textContent = text;
  return node;
}

function button(className, text, act) {
  const node = el("button", className, text);
  node.type = "button";
  node.addEventListener("click", act);
  return node;
}

async function unpack(number) {
  const bytes = Uint8Array.from(atob(pieces[number]), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

// --- one trial, opened

function comparison(lines) {
  const table = el("table", "compare");
  const head = table.createTHead().insertRow();
  for (const text of ["", "", "expected", "happened"]) {
    const cell = el("th", "", text);
    cell.scope = "col";
    head.append(cell);
  }
  const body = table.createTBody();
  for (const [mark, name, expected, happened, hint] of lines) {
    const row = body.insertRow();
    row.className = mark;
    row.append(el("td", "sign", SIGNS[mark] || ""), el("td", "", name), el("td", "expected", expected), el("td", happened.length > 60 ? "happened whole" : "happened", happened));
    if (hint) {
      const below = body.insertRow();
      below.className = "hint";
      const cell = el("td", "", "↳ " + hint);
      cell.colSpan = 2;
      below.append(el("td", "sign"), el("td"), cell);
    }
  }
  return table;
}

function goTo(target, inside) {
  for (const other of inside.querySelectorAll(".target")) other.classList.remove("target");
  target.classList.add("target");
  target.scrollIntoView({ block: "center" });
  target.focus({ preventScroll: true });
}

function finding(item, inside, indexOf) {
  const line = el("li");
  line.tabIndex = -1;
  const measured = item.role === "metric" && item.verdict === "pass" && item.reason !== undefined && !item.vacuous;
  const verdict = measured ? "measured" : item.verdict;
  line.append(el("span", "badge " + verdict.replace(" ", "_"), verdict), " ", el("span", "name", item.title));
  if (item.role !== "gate") line.append(el("span", "tag", item.role));
  if (item.value !== undefined) line.append(el("span", "tag", item.value));
  if (item.vacuous) line.append(el("span", "tag", "nothing activated it"));
  for (const step of item.steps) {
    if (!indexOf.has(step)) continue;
    const go = button("link", "step " + indexOf.get(step), () => goTo(inside.querySelector('[data-step="' + CSS.escape(step) + '"]'), inside));
    line.append(" ", go);
  }
  if (item.reason !== undefined) {
    const more = el("div", "more " + item.verdict + "-edge");
    more.append(el("div", "reason", item.reason));
    if (item.why) more.append(el("div", "quiet", "why: " + item.why));
    if (item.todo) more.append(el("div", "quiet", "remedy: " + item.todo));
    if (item.lines.length) {
      const wide = el("div", "scroll");
      wide.append(comparison(item.lines));
      more.append(wide);
    }
    line.append(more);
  }
  return line;
}

function paragraph(tone, text) {
  const node = el("div", "said " + tone, (LEADS[tone] || "") + text);
  if (text.length <= LONG && text.split("\n").length <= 20) return [node];
  node.classList.add("long");
  const more = button("link", "show all of it", () => {
    node.classList.remove("long");
    more.remove();
  });
  return [node, more];
}

function step(row, flags) {
  const line = el("li", "step " + (row.l === "user call" ? "call" : row.l === "changed" ? "change" : row.l.replace(/[^a-z]/g, "")));
  line.dataset.step = row.id;
  line.tabIndex = -1;
  const body = el("div", "body");
  for (const [tone, text] of row.s) body.append(...paragraph(tone, text));
  for (const [item, origin] of flags) {
    line.classList.add("flagged-" + item.verdict);
    const back = button("flag " + item.verdict, "▲ " + item.verdict + ": " + item.title, () => goTo(origin, origin.closest(".inside")));
    back.title = "Back to the finding";
    body.append(back);
  }
  const kind = el("span", "kind", (row.p ? "∥ " : "") + row.l);
  if (row.p) kind.title = "at work together with others";
  line.append(el("span", "at", row.i), kind, body);
  return line;
}

// rows of an agent run inside another stand in a list of their own, so that the nesting is one of the document
function steps(rows, flags) {
  const top = el("ol", "steps");
  const lists = [top];
  for (const row of rows) {
    while (lists.length > row.d + 1) lists.pop();
    while (lists.length < row.d + 1) {
      const inner = el("ol", "steps nested");
      const holder = el("li");
      holder.append(inner);
      lists[lists.length - 1].append(holder);
      lists.push(inner);
    }
    const home = lists[lists.length - 1];
    if (row.id === undefined) {
      const head = el("li", "agent-head");
      head.append(el("span", "", "agent "), row.s[0][1]);
      home.append(head);
    } else {
      home.append(step(row, flags.get(row.id) || []));
    }
  }
  return top;
}

function draw(trial, piece) {
  const inside = el("div", "inside");
  if (trial.e) inside.append(el("p", "error", trial.st.replace("_", " ") + ": " + trial.e + (trial.f ? " (fault of: " + trial.f + ")" : "")));
  const facts = (piece.facts || []).slice();
  if (trial.id) facts.push("agenteval show " + trial.id.slice(0, 12));
  inside.append(el("p", "quiet", facts.join(" · ")));
  for (const sentence of piece.gap || []) inside.append(el("p", "gap", sentence));
  const indexOf = new Map(piece.rows.filter((row) => row.id !== undefined).map((row) => [row.id, row.i]));
  const rank = (item) => ["fail", "unknown", "pass", "not asked"].indexOf(item.verdict);
  const found = el("ul", "findings");
  const flags = new Map();
  for (const item of piece.findings.slice().sort((a, b) => rank(a) - rank(b))) {
    const line = finding(item, inside, indexOf);
    found.append(line);
    if (item.verdict !== "fail" && item.verdict !== "unknown") continue;
    for (const id of item.steps) flags.set(id, (flags.get(id) || []).concat([[item, line]]));
  }
  if (piece.findings.length) inside.append(el("h3", "", "Findings"), found);
  if (piece.rows.length) inside.append(el("h3", "", "Steps"), steps(piece.rows, flags));
  else inside.append(el("p", "quiet", piece.facts ? "No steps were recorded." : "There is no trajectory: it never started."));
  if (piece.left) inside.append(el("p", "quiet", piece.left + " more steps are not in this page; agenteval show prints them."));
  if (piece.cut) inside.append(el("p", "quiet", "Texts are shortened to keep this page small; agenteval show prints them whole."));
  return inside;
}

function card(trial, open) {
  const node = el("details", "trial");
  node.id = "trial-" + trial.n;
  const head = el("summary");
  head.append(el("span", "badge " + trial.c, trial.c.replace("_", " ")));
  head.append(el("span", "name", index.scenarios[trial.s] + " #" + trial.r));
  head.append(el("span", "quiet", index.agents[trial.a] + (trial.st === "completed" || trial.st === trial.c ? "" : ", " + trial.st.replace("_", " "))));
  head.append(el("span", "why", trial.e || trial.w));
  node.append(head);
  let filled = false;
  const fill = async () => {
    if (filled || !node.open) return;
    filled = true;
    try {
      node.append(draw(trial, await unpack(trial.n)));
    } catch (error) {
      node.append(el("p", "inside error", "This trial cannot be unpacked: " + error + ". A browser of 2023 or later is needed."));
    }
  };
  node.addEventListener("toggle", fill);
  if (open) {
    node.open = true;
    node.ready = fill();
  }
  return node;
}

// --- the list of trials

function redraw(open) {
  const words = find.value.trim().toLowerCase();
  const pool = index.trials.filter((trial) => chosen.matches(trial) && (!words || trial.text.includes(words)));
  const trials = pool.filter((trial) => !chosen.conclusion || trial.c === chosen.conclusion)
    .sort((a, b) => CONCLUSIONS.indexOf(a.c) - CONCLUSIONS.indexOf(b.c) || a.n - b.n);
  filters.replaceChildren();
  const add = (name, label, count) => {
    const node = button("filter", label + " " + count, () => {
      chosen.conclusion = name;
      redraw(false);
    });
    node.setAttribute("aria-pressed", String(chosen.conclusion === name));
    filters.append(node);
  };
  add("", "all", pool.length);
  for (const name of CONCLUSIONS) {
    const count = pool.filter((trial) => trial.c === name).length;
    if (count || chosen.conclusion === name) add(name, name.replace("_", " "), count);
  }
  if (chosen.title) {
    filters.append(button("filter", "✕ " + chosen.title, () => {
      chosen = { conclusion: "", title: "", matches: () => true };
      redraw(false);
    }));
  }
  shown.textContent = trials.length ? "" : "No trial is like that.";
  list.replaceChildren();
  let next = 0;
  const more = button("link", "", () => page());
  const page = () => {
    for (const trial of trials.slice(next, next + PAGE)) {
      list.insertBefore(card(trial, open && next === 0), more);
      next += 1;
    }
    more.textContent = next < trials.length ? "show " + Math.min(PAGE, trials.length - next) + " more of " + trials.length : "";
    more.hidden = next >= trials.length;
  };
  list.append(more);
  page();
}

function choose(title, conclusion, matches) {
  find.value = "";
  chosen = { conclusion, title, matches };
  redraw(true);
  const section = document.getElementById("trials");
  section.scrollIntoView();
  const first = list.querySelector("details");
  if (!first) return;
  first.querySelector("summary").focus({ preventScroll: true });
  first.ready.then(() => section.scrollIntoView()); // the page was too short to scroll so far before
}

document.addEventListener("click", (event) => {
  const node = event.target.closest("[data-agent]");
  if (!node) return;
  const agent = Number(node.dataset.agent);
  const { scenario, check } = node.dataset;
  if (check !== undefined) choose(index.agents[agent] + ", " + node.textContent, "", (t) => t.a === agent && t.bad.includes(Number(check)));
  else if (scenario !== undefined) choose(index.agents[agent] + ", " + index.scenarios[Number(scenario)], "", (t) => t.a === agent && t.s === Number(scenario));
  else choose(index.agents[agent], "", (t) => t.a === agent);
});
find.addEventListener("input", () => redraw(false));
redraw(false);
const asked = /^#trial-(\d+)$/.exec(location.hash);
if (asked && index.trials[Number(asked[1])]) {
  choose("one trial", "", (t) => t.n === Number(asked[1]));
}
