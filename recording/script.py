"""What the scripted model answers, call by call, and what each answer cost."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

MODEL = "scripted-1"

Answer = tuple[str | None, tuple[tuple[str, dict[str, Any]], ...]]

FIRST_TURN: tuple[Answer, ...] = (
    (None, (("find_reader", {"card": "4711"}), ("list_loans", {"card": "4711", "limit": 3}))),
    (None, (("renew_loan", {"loan": "L-88", "days": 14}),)),
    ("The catalogue was locked; trying once more.", (("renew_loan", {"loan": "L-88", "days": 14}),)),
    (None, (("reserve", {"title": "Middlemarch", "branch": "Süd"}),)),
    ("“Stoner” is yours until 2026-12-15, and “Middlemarch” is reserved at Süd (R-3). ✅", ()),
)
SECOND_TURN: tuple[Answer, ...] = (
    (None, (("opening_hours", {"branch": "Süd", "day": "Saturday"}),)),
    ("Süd opens from 10:00 to 14:30 on Saturday.", ()),
)


_SAID = re.compile(r"^(?:#|//) (ends its turns by|hands over by|delegates by): (\w+)(?: (\{.*\}))?$", re.MULTILINE)


@dataclass(frozen=True)
class Plot:
    """What an agent does otherwise than a lone one: each as the tool that it does it by, and what it is given.

    Attributes:
        ending: The pseudo tool that each turn ends with.
        handoff: What the second turn is handed over by.
        delegation: What the second turn's work is delegated by; where that is handed over, the loan's renewal.
    """

    ending: str | None = None
    handoff: tuple[str, dict[str, Any]] | None = None
    delegation: tuple[str, dict[str, Any]] | None = None

    @classmethod
    def of(cls, source: str) -> Plot:
        """The plot that a producer's first lines tell."""
        said = {key: (name, json.loads(given or "{}")) for key, name, given in _SAID.findall(source)}
        ending = said.get("ends its turns by")
        return cls(ending and ending[0], said.get("hands over by"), said.get("delegates by"))

    def turns(self) -> tuple[tuple[Answer, ...], ...]:
        """The answers of each turn."""
        first, second = FIRST_TURN, SECOND_TURN
        if self.handoff is not None:
            second = ((None, (self.handoff,)), *second)
            if self.delegation is not None:
                renewed: Answer = ("The loan is renewed until 2026-12-15.", ())
                first = (first[0], (None, (self.delegation,)), *first[1:3], renewed, *first[3:])
        elif self.delegation is not None:
            second = ((None, (self.delegation,)), second[0], ("Saturday at Süd: 10:00–14:30.", ()), *second[1:])
        if self.ending is None:
            return first, second
        return tuple((*answers[:-1], _ended(self.ending, answers[-1])) for answers in (first, second))

    def runs_itself(self, name: str) -> bool:
        """Whether a call is the framework's own, of which no tool's log knows."""
        return name in {self.ending, *(one[0] for one in (self.handoff, self.delegation) if one is not None)}


def _ended(ending: str, answer: Answer) -> Answer:
    """An answer as a call of the pseudo tool that ends a turn."""
    return None, ((ending, {"answer": answer[0]}),)


def usage(number: int) -> dict[str, int]:
    """Tokens of a call: cached ones are part of what was read, reasoning is part of what was written."""
    return {"in": 90 + 31 * number, "out": 9 + 2 * number, "cached": 32 * (number > 1), "reasoning": 4 * (number == 1)}


def call_id(number: int, place: int) -> str:
    """Id of a tool call that an answer asks for."""
    return f"call_library_{number}_{place}"


def truth(
    session: str, user: str, asked: tuple[str, ...], tools: list[dict[str, Any]], plot: Plot
) -> list[dict[str, Any]]:
    """What happened, from the script and the tools' own log, as `agenteval conformance` reads it."""
    told: list[dict[str, Any]] = []
    number = 0
    left = list(tools)
    for words, answers in zip(asked, plot.turns(), strict=True):
        calls: list[dict[str, Any]] = []
        made: list[dict[str, Any]] = []
        for text, requests in answers:
            named = [
                {"id": call_id(number, place), "name": name, "args": args}
                for place, (name, args) in enumerate(requests)
            ]
            calls.append(
                {"seq": number, "api": "chat", "model": MODEL, "streamed": False, "http_error": None, "content": text,
                 "reasoning": None, "tool_calls": named, "usage": usage(number),
                 "response_id_suffix": f"{number:04d}"}
            )  # fmt: skip
            for one in named:
                if plot.runs_itself(one["name"]):
                    continue
                at = next(
                    n for n, line in enumerate(left) if (line["tool"], line["args"]) == (one["name"], one["args"])
                )
                made.append({**left.pop(at), "call_id": one["id"], "requested_by_model": MODEL})
            number += 1
        told.append(
            {"user_input": words, "session_id": session, "user_id": user, "final_output": _last(answers), "error": None,
             "completed": True, "llm_calls": calls, "tool_calls": made,
             "tool_calls_requested_but_run_by_the_framework": []}
        )  # fmt: skip
    assert not left, f"calls that nobody asked for: {left}"
    return [{"session_id": session, "user_id": user, "turns": told}]


def _last(answers: tuple[Answer, ...]) -> str | None:
    """What a turn's last answer says."""
    text, requests = answers[-1]
    return text if text is not None else requests[0][1]["answer"]
