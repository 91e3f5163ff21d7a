"""A case in, runs that do nothing wrong out: other ones than those that `agenteval verify` plays.

Each counts where it ends without an error that the reference has not, where the user is still there whenever something
is said, and where the world ends up as it does after the reference, but for what is worded freely and for notes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

from agenteval.intake.solutions import Call, Say
from bench._planting import arguments as args
from bench._planting.planting import Planted, Site, inserted, one, put, says
from bench._planting.play import Case, Made, Run
from bench._planting.wording import forms, sentences

_SURE = "Just to be sure: is that all right with you?"
_MOMENT = "One moment, please."


def _went_well(case: Case, run: Run) -> bool:
    failed = [made for made in run.made if not made.succeeded]
    before = [made for made in case.run.made if not made.succeeded]
    alone = [place for place, reply in run.heard.items() if reply is None]
    alone_before = [place for place, reply in case.run.heard.items() if reply is None]
    return run.status == "completed" and len(failed) <= len(before) and len(alone) <= max(len(alone_before), 1)


def same_end(case: Case, planted: Planted, run: Run) -> bool:
    """It went well, and the world is as it is after the reference."""
    return _went_well(case, run) and run.end == case.run.end


def same_places(case: Case, planted: Planted, run: Run) -> bool:
    """It went well, and changed the same places as the reference, if with other words."""
    return _went_well(case, run) and _touched(run) == _touched(case.run)


def went_well(case: Case, planted: Planted, run: Run) -> bool:
    """It went well, and made every change of the reference."""
    return _went_well(case, run) and _touched(run) >= _touched(case.run)


def _touched(run: Run) -> set[str]:
    return {path for made in run.made for path in made.touched}


# --- the kinds


def another_read(case: Case) -> Iterator[Site]:
    """A call that only looks, and is allowed, at any place where it is."""
    for number, (call, after) in enumerate(case.facts.reads(case)):
        if call.tool in case.faulty:
            continue
        start = 0 if after is None else 1 + next(made.place for made in case.run.made if made.tool == after)
        last = says(case)[-1] if says(case) else len(case.steps)

        def candidates(rng: Random, call: Call = call, start: int = start, last: int = last) -> Iterator[Planted]:
            place = rng.randint(start, max(start, last))
            what = f"{call.tool} {dict(call.arguments)} before step {place + 1}"
            yield Planted(what=what, steps=inserted(case.steps, place, call))

        yield Site(fault="another read", what=f"{number} {call.tool}", candidates=candidates, counts=same_end)


def reworded(case: Case) -> Iterator[Site]:
    """All that is said in other words, spellings or order; each wording that changes anything."""
    for name, form in forms(_year(case)).items():
        run = tuple(Say(text=form(step.text)) if isinstance(step, Say) else step for step in case.steps)
        if run != case.steps:
            yield Site(fault="reworded", what=name, candidates=one(name, run), counts=same_end)


def _year(case: Case) -> int:
    found = re.search(r"\b(20\d\d)\b", case.scenario.instructions or "")
    return int(found[1]) if found else 2025


def polite_question(case: Case) -> Iterator[Site]:
    """Once more whether it is all right, after each question that the user answered with yes.

    Left out where the user's answers to such questions change with their number.
    """
    spec: Any = {} if case.scenario.user is None else case.scenario.user.spec
    if isinstance(spec.get("confirms"), list):
        return
    for place in says(case):
        if (case.run.heard.get(place) or "").startswith("Yes"):
            what = f"asked again after step {place + 1}"
            run = inserted(case.steps, place + 1, Say(text=_SURE))
            yield Site(fault="polite question", what=what, candidates=one(what, run), counts=same_end)


def split_answer(case: Case) -> Iterator[Site]:
    """One thing that is said in two turns, where the user waits for the second."""
    for place in says(case):
        step = case.steps[place]
        parts = sentences(step.text) if isinstance(step, Say) else []
        for cut in range(1, len(parts)):
            if parts[cut - 1].endswith("?"):
                continue
            first, second = " ".join([*parts[:cut], _MOMENT]), " ".join(parts[cut:])
            what = f"step {place + 1} in two turns, cut after sentence {cut}"
            run = (*case.steps[:place], Say(text=first), Say(text=second), *case.steps[place + 1 :])
            yield Site(fault="split answer", what=what, candidates=one(what, run), counts=same_end)


def other_details(case: Case) -> Iterator[Site]:
    """The user is verified by other details that are right."""
    for way in case.facts.proofs(case):
        given = {key: value for key, value in way.items() if key != "customer"}
        run: list[Say | Call] = []
        for step in case.steps:
            if isinstance(step, Call) and step.tool == "verify_identity":
                run.append(Call(tool=step.tool, arguments=way))
            elif isinstance(step, Call) and step.tool == "find_customer":
                run.append(Call(tool=step.tool, arguments=given))
            else:
                run.append(step)
        what = f"verified by {' and '.join(given)}"
        if tuple(run) != case.steps:
            yield Site(fault="other details", what=what, candidates=one(what, tuple(run)), counts=same_end)


def optional_note(case: Case) -> Iterator[Site]:
    """A note on the order or the account that nobody demands, before the last thing that is said."""
    last = says(case)[-1] if says(case) else len(case.steps)
    for number, call in enumerate(case.facts.notes(case)):
        what = f"{number} {call.tool} {dict(call.arguments)}"
        run = inserted(case.steps, last, call)
        yield Site(fault="optional note", what=what, candidates=one(what, run), counts=went_well)


def other_order(case: Case) -> Iterator[Site]:
    """Three calls or more in a row of which none needs another, backwards; a note or report a call earlier or later."""
    for block in _blocks(case):
        what = f"steps {block[0].place + 1} to {block[-1].place + 1} backwards"
        run = list(case.steps)
        for made, other in zip(block, reversed(block), strict=True):
            run[made.place] = case.steps[other.place]
        yield Site(fault="other order", what=what, candidates=one(what, tuple(run)), counts=_same_records)
    for made in case.run.made:
        if made.tool not in case.facts.needs_no_yes - case.facts.bookkeeping - {"escalate_to_human"}:
            continue
        for by in (-1, 1):
            near = case.run.at(made.place + by)
            if near is None or near.tool in case.faulty or _same_id(case, made, near):
                continue
            what = f"step {made.place + 1}, {made.tool}, one call {'earlier' if by < 0 else 'later'}"
            run = put(put(case.steps, made.place, case.steps[near.place]), near.place, case.steps[made.place])
            yield Site(fault="other order", what=what, candidates=one(what, run), counts=_same_records)


def _same_records(case: Case, planted: Planted, run: Run) -> bool:
    """It went well, and the same calls had the same effect in another order."""

    def effects(of: Run) -> list[str]:
        return sorted(f"{made.tool} {sorted(made.arguments.items(), key=str)} {made.result}" for made in of.made)

    return _went_well(case, run) and effects(run) == effects(case.run)


def _blocks(case: Case) -> Iterator[list[Made]]:
    block: list[Made] = []
    for made in [*case.run.made, None]:
        fits = (
            made is not None
            and made.tool not in case.faulty
            and (not block or (made.place == block[-1].place + 1 and made.changes == block[0].changes))
            and not any(_needs(case, made, other) for other in block)
        )
        if made is not None and fits:
            block.append(made)
            continue
        if len(block) > 2:
            yield block
        block = [made] if made is not None and made.tool not in case.faulty else []


def _needs(case: Case, later: Made, earlier: Made) -> bool:
    """Whether a call uses what another answered, or both change one record."""
    if {path.split("/")[2] for path in later.touched if path.count("/") > 1} & {
        path.split("/")[2] for path in earlier.touched if path.count("/") > 1
    }:
        return True
    before = [str(made.result) for made in case.run.made if made.place < earlier.place]
    known = f"{case.told_by_user} {' '.join(before)}"
    values = [str(value) for _, value in args.slots(later.arguments) if isinstance(value, str)]
    return any(value in str(earlier.result) and value not in known for value in values)


def _same_id(case: Case, made: Made, near: Made) -> bool:
    """Whether both are about one record, or about one that the other answered."""
    ids = {str(value) for _, value in args.slots(made.arguments)}
    return any(value in str(near.result) or value in map(str, near.arguments.values()) for value in ids if value)


def other_forms(case: Case) -> Iterator[Site]:
    """Arguments in another form of one meaning: defaults written out, addresses in capitals, times with seconds."""
    for made in case.run.made:
        call = case.steps[made.place]
        if not isinstance(call, Call) or made.tool in case.faulty:
            continue
        for what, other in _forms_of(case, call):
            run = put(case.steps, made.place, other)
            name = f"step {made.place + 1}, {call.tool}: {what}"
            yield Site(fault="other forms", what=name, candidates=one(name, run), counts=same_end)


def _forms_of(case: Case, call: Call) -> Iterator[tuple[str, Call]]:
    written = (case.schemas.get(call.tool) or {}).get("properties", {})
    for name, schema in written.items():
        default = schema.get("default")
        if name not in call.arguments and default not in (None, ""):
            yield f"{name} written out", args.with_value(call, (name,), default)
    for path, value in args.slots(call.arguments):
        if not isinstance(value, str) or args.name_of(path) in case.facts.prose:
            continue
        if re.fullmatch(r"[\w.+-]+@[\w.-]+", value):
            yield f"{args.name_of(path)} in capitals", args.with_value(call, path, value.upper())
        if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d", value):
            yield f"{args.name_of(path)} with seconds", args.with_value(call, path, f"{value}:00")


def other_prose(case: Case) -> Iterator[Site]:
    """Texts of notes, reasons, summaries and mails with a greeting, a close or a remark around them."""
    frames: Mapping[str, tuple[str, str]] = {
        "body": ("Hello,\n\n", "\n\nWith best regards"),
        "text": ("Service desk: ", ""),
        "reason": ("As was said: ", ""),
        "summary": ("For your attention. ", " Please get in touch."),
        "comment": ("", " Best regards"),
    }
    for made in case.changes:
        call = case.steps[made.place]
        assert isinstance(call, Call)
        for name, (before, after) in frames.items():
            value = call.arguments.get(name)
            if not isinstance(value, str) or "enum" in args.schema_at(case, call.tool, (name,)):
                continue
            what = f"step {made.place + 1}, {call.tool}: other {name}"
            run = put(case.steps, made.place, args.with_value(call, (name,), f"{before}{value}{after}"))
            yield Site(fault="other prose", what=what, candidates=one(what, run), counts=same_places)


def more_told(case: Case) -> Iterator[Site]:
    """True things about the user's own records, with the last thing that is said."""
    if not says(case):
        return
    place = says(case)[-1]
    step = case.steps[place]
    assert isinstance(step, Say)
    for number, sentence in enumerate(case.facts.extras(case)):
        run = put(case.steps, place, Say(text=f"{step.text} {sentence}"))
        what = f"{number} {sentence}"
        yield Site(fault="more told", what=what, candidates=one(what, run), counts=same_end)


KINDS = {
    "another read": another_read,
    "reworded": reworded,
    "polite question": polite_question,
    "split answer": split_answer,
    "other details": other_details,
    "optional note": optional_note,
    "other order": other_order,
    "other forms": other_forms,
    "other prose": other_prose,
    "more told": more_told,
}
