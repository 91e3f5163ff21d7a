"use strict";
// Everything that came from a trace is put in as text, never as markup.
const index = JSON.parse(document.getElementById("index").textContent);
const chunks = Array.from(document.getElementsByClassName("chunk"));
const unpacked = new Map();
const list = document.getElementById("list");
const shown = document.getElementById("shown");
const everything = document.getElementById("everything");
const PAGE = 100;
const ORDER = { failed: 0, invalid: 1, undecided: 2, not_asked: 3, passed: 4 };
const FINDING_ORDER = { fail: 0, unknown: 1, pass: 2 };

function el(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined && text !== null) node.textContent = text;
  return node;
}

function show(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}

async function unpack(number) {
  if (!unpacked.has(number)) {
    const bytes = Uint8Array.from(atob(chunks[number].textContent.trim()), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    unpacked.set(number, JSON.parse(await new Response(stream).text()));
  }
  return unpacked.get(number);
}

function comparison(evidence) {
  const table = el("table", "compare");
  const row = (label, value, marked) => {
    const line = table.insertRow();
    line.append(el("td", "quiet", label), el("td", marked ? "differs" : "", show(value)));
  };
  if ("expected" in evidence) row("expected", evidence.expected, false);
  if ("actual" in evidence) row("happened", evidence.actual, false);
  const differs = Array.isArray(evidence.differs) ? evidence.differs : [];
  const diff = evidence.diff && typeof evidence.diff === "object" ? Object.entries(evidence.diff) : [];
  for (const item of differs.concat(diff.map(([path, values]) => ({ path, ...values })))) {
    row("≠ " + item.path, "", true);
    row("   expected", item.expected === undefined ? "" : item.expected, false);
    row("   happened", item.actual === undefined ? "" : item.actual, true);
    if (item.hint) row("", item.hint, false);
  }
  return table.rows.length ? table : null;
}

function finding(item, box, indexOf) {
  const line = el("li");
  const asked = item.reason_code !== "not_asked";
  line.append(el("span", "badge " + (asked ? item.verdict : "not_asked"), asked ? item.verdict : "not asked"), " ");
  line.append(el("span", "name", item.title || item.check));
  if (item.role !== "gate") line.append(el("span", "quiet", "  " + item.role));
  if (item.vacuous) line.append(el("span", "quiet", "  nothing activated it"));
  for (const step of item.steps.slice(0, 12)) {
    if (!indexOf.has(step)) continue;
    const link = el("button", "link", "step " + indexOf.get(step));
    link.addEventListener("click", () => {
      for (const other of box.querySelectorAll(".target")) other.classList.remove("target");
      const target = box.querySelector('[data-step="' + CSS.escape(step) + '"]');
      target.classList.add("target");
      target.scrollIntoView({ block: "center" });
    });
    line.append("  ", link);
  }
  if (item.verdict !== "pass") {
    line.append(el("div", "reason", item.reason));
    const compared = comparison(item.evidence || {});
    if (compared) line.append(compared);
  }
  return line;
}

function parts(message) {
  return message.parts.map((p) => {
    if (p.type === "tool_call") return "[asks for " + p.name + "]";
    if (p.type === "tool_call_response") return show(p.response);
    return p.content !== undefined ? p.content : "[" + p.type + " " + (p.uri || "") + "]";
  }).join("\n");
}

function field(step, name) {
  const missing = step.missing && step.missing[name];
  return missing ? "not recorded: " + missing : show(step[name]);
}

function body(step) {
  const box = el("div");
  if (step.kind === "message") {
    box.append(el("pre", "", parts(step)));
  } else if (step.kind === "tool_call") {
    box.append(el("span", "name", (step.by === "user" ? "user calls " : "") + step.name), el("pre", "", field(step, "arguments")));
    box.append(step.error !== null ? el("pre", "error", "✗ " + step.error) : el("pre", "", "→ " + field(step, "result")));
  } else if (step.kind === "model_call") {
    const usage = step.usage ? step.usage.input_tokens + " tokens in, " + step.usage.output_tokens + " out" : "tokens not recorded";
    const asks = step.requests.length ? "; asks for " + step.requests.join(", ") : "";
    box.append(el("pre", step.error ? "error" : "", (step.model || "unknown model") + ": " + (step.error || usage + asks)));
  } else if (step.kind === "state_change") {
    box.append(el("pre", "", step.patch.map((o) => o.path + (o.op === "remove" ? " removed" : " = " + show(o.value))).join("\n")));
  } else {
    box.append(el("pre", "", show(step.target || step.data || "")));
  }
  if (step.truncated) box.append(el("span", "quiet", "cut when it was recorded: " + step.truncated.join(", ")));
  return box;
}

function stepLine(step, flags) {
  const role = step.kind === "message" ? step.role : step.kind === "state_change" ? "change" : step.kind;
  const line = el("li", "step " + role);
  line.dataset.step = step.id;
  line.append(el("span", "at", step.index), el("span", "kind", role.replace("_", " ")));
  const content = body(step);
  for (const item of flags) {
    line.classList.add("flagged-" + item.verdict);
    content.append(el("span", "flag " + (item.verdict === "fail" ? "error" : ""), "▲ " + (item.title || item.check)));
  }
  line.append(content);
  return line;
}

async function fill(trial, box) {
  if (box.dataset.filled) return;
  box.dataset.filled = "yes";
  const inside = el("div", "inside");
  box.append(inside);
  const trajectory = trial.chunk === null ? null : (await unpack(trial.chunk))[trial.trajectory];
  const steps = trajectory ? trajectory.steps : [];
  const indexOf = new Map(steps.map((step) => [step.id, step.index]));
  if (trial.error) inside.append(el("p", "error", trial.status + ": " + trial.error));
  const findings = el("ul", "findings");
  const sorted = trial.findings.slice().sort((a, b) => FINDING_ORDER[a.verdict] - FINDING_ORDER[b.verdict]);
  for (const item of sorted) findings.append(finding(item, box, indexOf));
  inside.append(findings);
  if (trajectory && !trajectory.complete) inside.append(el("p", "quiet", "The recording is incomplete: checks that need the whole answer unknown."));
  const flags = new Map();
  for (const item of trial.findings) {
    if (item.verdict === "pass") continue;
    for (const step of item.steps) flags.set(step, (flags.get(step) || []).concat([item]));
  }
  const ordered = el("ol", "steps");
  for (const step of steps) ordered.append(stepLine(step, flags.get(step.id) || []));
  inside.append(ordered);
  inside.append(el("p", "quiet", trajectory ? "agenteval show " + trial.trajectory : "No step was recorded."));
}

function card(trial, open) {
  const box = el("details", "trial");
  const head = el("summary");
  head.append(el("span", "badge " + trial.conclusion, trial.conclusion.replace("_", " ")));
  head.append(el("span", "name", trial.agent), el("span", "", trial.scenario + " #" + trial.repeat));
  const first = trial.findings.find((f) => f.verdict === "fail") || trial.findings.find((f) => f.verdict === "unknown");
  head.append(el("span", "why", trial.error || (first && trial.conclusion !== "passed" ? first.reason : "")));
  box.append(head);
  box.addEventListener("toggle", () => { if (box.open) fill(trial, box); });
  if (open) box.open = true;
  return box;
}

function draw(trials, label, openFirst) {
  const sorted = trials.slice().sort((a, b) => ORDER[a.conclusion] - ORDER[b.conclusion]);
  list.replaceChildren();
  shown.textContent = label + " (" + sorted.length + ")";
  everything.hidden = trials.length === index.trials.length;
  let next = 0;
  const more = el("button", "link", "");
  const page = () => {
    for (const trial of sorted.slice(next, next + PAGE)) { list.insertBefore(card(trial, openFirst && next === 0), more); next += 1; }
    more.textContent = next < sorted.length ? "show " + Math.min(PAGE, sorted.length - next) + " more" : "";
  };
  more.addEventListener("click", page);
  list.append(more);
  page();
}

document.addEventListener("click", (event) => {
  const chosen = event.target.closest("[data-scenario], [data-check]");
  if (!chosen) return;
  const { scenario, agent, check } = chosen.dataset;
  const matches = index.trials.filter((trial) => trial.agent === agent && (scenario === undefined
    ? trial.findings.some((f) => f.check === check && f.verdict !== "pass")
    : trial.scenario === scenario));
  draw(matches, agent + ", " + (scenario || chosen.textContent), true);
  document.getElementById("trials").scrollIntoView();
});
everything.addEventListener("click", () => draw(index.trials, "all", false));
draw(index.trials, "all, failing first", false);
