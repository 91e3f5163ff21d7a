"""The page in a real browser: clicked through, with hostile content, in dark, on a phone, and large."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agenteval.report.html import write
from agenteval.report.model import build

pytestmark = pytest.mark.browser

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, tmp_path) -> Iterator[Any]:
    """Opens the page of a store; afterwards there must have been no message on the console, no error, no request."""
    said: list[str] = []
    pages: list[Any] = []

    def open_(store: Any, run: str, **context: Any) -> Any:
        path = tmp_path / "report.html"
        write(build(store, run), store, path)
        context.setdefault("viewport", {"width": 1280, "height": 900})
        page = browser.new_context(**context).new_page()
        page.on("console", lambda message: said.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        page.on(
            "request", lambda request: said.append(f"request: {request.url}") if request.url != path.as_uri() else None
        )
        page.goto(path.as_uri())
        pages.append(page)
        return page

    yield open_
    for page in pages:
        page.context.close()
    assert said == []


def refunds(lab) -> Any:
    """Two scenarios by two agents: `careless` fails `shop/refund` once and passes it once."""
    outcomes = []
    for scenario in ("shop/refund", "shop/cancel"):
        for agent in ("careful", "careless"):
            for repeat in range(2):
                trial, trajectory, findings = lab.refund()
                bad = (scenario, agent, repeat) == ("shop/refund", "careless", 1)
                if not bad:
                    findings = [lab.finding("pass", f.check, title=f.title) for f in findings if f.verdict != "unknown"]
                trial = lab.trial(scenario, agent, repeat, trajectory=trajectory.id)
                outcomes.append((trial, findings, trajectory))
    outcomes.append(
        (
            lab.trial("shop/cancel", "careful", 2, status="invalid", trajectory=None, error="429", fault_of="model"),
            None,
            None,
        )
    )
    return lab.full_store(outcomes)


def test_two_clicks_lead_from_a_rate_to_its_step(lab, opened):
    page = opened(refunds(lab), lab.run)
    page.get_by_role("button", name="shop/refund, careless: 1/2 passed").click()
    card = page.locator("details.trial[open]")
    card.locator(".findings").wait_for()
    assert [badge.inner_text() for badge in page.locator(".trial > summary .badge").all()] == ["failed", "passed"]
    card.get_by_role("button", name="step 8").first.click()
    step = page.locator(".step.target")
    assert step.locator(".said").first.inner_text() == 'issue_refund(order="1187", amount=45, note="sorry")'
    assert page.evaluate("document.activeElement.classList.contains('target')")
    box = step.bounding_box()
    assert box is not None
    assert 0 <= box["y"] < 900


def test_the_rate_of_an_agent_and_a_check_lead_to_the_trials(lab, opened):
    page = opened(refunds(lab), lab.run)
    page.locator("button.rate").nth(1).click()
    assert page.locator(".filter").all_inner_texts() == ["all 4", "failed 1", "passed 3", "✕ careless"]
    page.locator("button.link[data-check]").filter(has_text="state:").first.click()
    assert page.locator(".trial > summary .badge").all_inner_texts() == ["failed"]
    page.get_by_role("button", name="✕").click()
    assert page.locator(".trial > summary .badge").all_inner_texts() == ["failed", "invalid", *["passed"] * 7]


def test_an_opened_trial_sets_what_was_expected_beside_what_happened(lab, opened):
    page = opened(refunds(lab), lab.run)
    page.locator("button.cell.some").click()
    page.locator(".findings").wait_for()
    tables = page.locator(".compare").all()
    cells = [
        [[cell.inner_text() for cell in row.locator("td").all()] for row in table.locator("tbody tr").all()]
        for table in tables
    ]
    assert cells[0] == [
        ["", "tool", "issue_refund", "issue_refund (step 8)"],
        ["", "order", '"1187"', '"1187"'],
        ["≠", "amount", '{"$near": [42.5, 0.005]}', "45"],
        ["", "", "↳ 45 is 2.5 away from 42.5; $near: [42.5, 2.5] would take both"],
        ["", "note", "", '"sorry"'],
    ]
    assert cells[2] == [
        ["", "tool", "scan_log", "scan_log (step 6)"],
        ["?", "parcel", "1187", "not recorded"],
        ["", "", "↳ content capture was off; turn on the recording of tool arguments and results"],
    ]
    assert page.locator(".trial[open] .findings > li > .badge").all_inner_texts() == [
        "fail", "fail", "unknown", "pass", "pass", "measured", "not asked",
    ]  # fmt: skip
    nested = page.locator(".steps.nested .at").all_inner_texts()
    assert nested == ["5", "6", "7"]
    page.locator(".step .flag").first.click()
    assert page.evaluate("document.activeElement.tagName") == "LI"


def test_it_works_with_the_keyboard_alone(lab, opened):
    page = opened(refunds(lab), lab.run)
    page.locator("button.cell.some").focus()
    page.keyboard.press("Enter")
    page.locator(".findings").wait_for()
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.keyboard.press("Enter")
    assert page.locator("details.trial[open]").count() == 0
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "step 8"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.classList.contains('target')")


def test_trials_can_be_found_by_words_and_by_conclusion(lab, opened):
    page = opened(refunds(lab), lab.run)
    page.get_by_label("find").fill("closest")
    assert page.locator(".trial > summary .name").all_inner_texts() == ["shop/refund #1"]
    page.get_by_label("find").fill("")
    page.get_by_role("button", name="invalid 1").click()
    page.locator("summary").click()
    page.locator(".inside").wait_for()
    assert page.locator(".inside .error").inner_text() == "invalid: 429 (fault of: model)"
    page.get_by_label("find").fill("no such words")
    assert page.locator("#shown").inner_text() == "No trial is like that."


def test_hostile_content_stays_text(lab, opened):
    bad = lab.hostile
    step = lab.call(bad, {bad: [bad]}, {"result": bad}, missing={"status": bad}, id=bad)
    trajectory = lab.trajectory(
        lab.says("user", bad), step, lab.model(bad, error=bad), lab.other(bad, {bad: bad}), lab.handoff(bad), id=bad
    )
    evidence = {
        "expected": {bad: {bad: bad}},
        "actual": {"step": bad, "index": 1, "tool": bad, "arguments": {bad: bad}},
        "differs": [{"path": bad, "expected": bad, "actual": bad, "found": "value", "hint": bad}],
        "why": bad,
        "diff": {bad: {"expected": bad, "actual": bad}},
    }
    finding = lab.finding("fail", bad, title=bad, reason=bad, steps=(bad,), evidence=evidence)
    trial = lab.trial(bad, bad, trajectory=bad, error=bad, fault_of=bad)
    settings = {"claims": [bad], "does_not_claim": [bad]}
    page = opened(lab.full_store([(trial, [finding], trajectory)], suite=bad, settings=settings), lab.run)
    title = page.title()
    page.locator("button.cell").click()
    page.locator(".findings").wait_for()
    page.locator(".findings .link").first.click()
    assert page.locator(".step.target").count() == 1
    assert page.title() == title
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 3
    safe = (
        bad.replace("\u2028", "�")
        .replace("\u2029", "�")
        .replace("\x00", "␀")
        .replace("\x1b", "␛")
        .replace("\ud800", "�")
    )
    safe = safe.replace("\u202e", "�")
    assert page.locator("h1").inner_text() == safe
    assert page.locator(".findings .name").inner_text() == safe
    assert page.locator(".matrix tbody th").inner_text() == safe
    assert page.locator(".step.user .said").inner_text() == safe


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_overflows_and_text_has_contrast(lab, opened, scheme, width):
    page = opened(refunds(lab), lab.run, viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.locator("button.cell.some").click()
    page.locator(".findings").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CONTRAST) == []


# the text and background of every element that holds text, by WCAG 2's contrast: 4.5 for text of this size
CONTRAST = """() => {
  const light = (c) => { const [r, g, b] = c.map((v) => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4 });
    return .2126 * r + .7152 * g + .0722 * b };
  const parse = (text) => text.match(/[0-9.]+/g).map(Number);
  const behind = (node) => { while (node) { const c = parse(getComputedStyle(node).backgroundColor); if (c.length < 4 || c[3] === 1) return c.slice(0, 3); node = node.parentElement } return [255, 255, 255] };
  const found = new Set();
  for (const node of document.querySelectorAll('body *')) {
    if (![...node.childNodes].some((c) => c.nodeType === 3 && c.textContent.trim()) || !node.getClientRects().length || node.closest('svg')) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color).slice(0, 3)), light(behind(node))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) found.add(node.tagName + '.' + node.className + ' ' + ratio.toFixed(2));
  }
  return [...found];
}"""


def test_four_hundred_trials_of_fifty_steps_stay_small_and_open(lab, large, opened, tmp_path):
    began = time.perf_counter()
    page = opened(large(), lab.run)
    built = time.perf_counter() - began
    size = Path(tmp_path / "report.html").stat().st_size
    timing = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    began = time.perf_counter()
    page.locator("button.cell.some, button.cell.none").first.click()
    page.locator(".findings .link").first.click()
    assert page.locator(".step.target").count() == 1
    clicked = time.perf_counter() - began
    sys.stdout.write(
        f"\n{size / 1e6:.1f} MB, built in {built:.1f} s, loaded in {timing:.0f} ms, two clicks {clicked * 1e3:.0f} ms\n"
    )
    assert size <= 20_000_000
    assert page.locator("details.trial[open] .step").count() == 50
