"""What the scripted model answers, call by call, and what each answer cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MODEL = "scripted-1"

Request = tuple[str, dict[str, Any]]
Answer = tuple[str | None, tuple[Request, ...]]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Which answers a producer is given.

    Attributes:
        ending: A pseudo tool whose call ends each turn, as some agents have it.
        delegates: The call by which an agent has a sub-agent renew the loan.
        hands_over: The call by which it hands over to the agent of the branch.
    """

    ending: str | None = None
    delegates: Request | None = None
    hands_over: Request | None = None

    @property
    def turns(self) -> tuple[tuple[Answer, ...], ...]:
        """The answers of each turn."""
        turns = (self._shared_turn() if self.delegates or self.hands_over else FIRST_TURN, SECOND_TURN)
        if self.ending is None:
            return turns
        ends = self.ending
        return tuple((*some[:-1], (None, ((ends, {"answer": some[-1][0]}),))) for some in turns)

    def _shared_turn(self) -> tuple[Answer, ...]:
        """The first turn where three agents share it: the desk, its sub-agent, and the agent of the branch."""
        asks, renews, renews_again, reserves, says = FIRST_TURN
        delegated: tuple[Answer, ...] = ((None, (self.delegates,)),) if self.delegates else ()
        done: tuple[Answer, ...] = (("The loan is renewed until 2026-12-15.", ()),) if self.delegates else ()
        handed: tuple[Answer, ...] = ((None, (self.hands_over,)),) if self.hands_over else ()
        return (asks, *delegated, renews, renews_again, *done, *handed, reserves, says)

    def runs(self, name: str) -> bool:
        """Whether a tool of this name is no tool but what the framework itself does."""
        return name in {self.ending, *(one[0] for one in (self.delegates, self.hands_over) if one)}


def usage(number: int) -> dict[str, int]:
    """Tokens of a call: cached ones are part of what was read, reasoning is part of what was written."""
    return {"in": 90 + 31 * number, "out": 9 + 2 * number, "cached": 32 * (number > 1), "reasoning": 4 * (number == 1)}


def call_id(number: int, place: int) -> str:
    """Id of a tool call that an answer asks for."""
    return f"call_library_{number}_{place}"


def truth(
    session: str, user: str, asked: tuple[str, ...], tools: list[dict[str, Any]], plan: Plan
) -> list[dict[str, Any]]:
    """What happened, from the script and the tools' own log, as `agenteval conformance` reads it."""
    told: list[dict[str, Any]] = []
    number = 0
    left = list(tools)
    for words, answers in zip(asked, plan.turns, strict=True):
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
                if plan.runs(one["name"]):
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
