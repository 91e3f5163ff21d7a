"""What the scripted model answers, call by call, and what each answer cost."""

from __future__ import annotations

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


def turns(ending: str | None) -> tuple[tuple[Answer, ...], ...]:
    """The answers of each turn; with an ending, the last of a turn is a call of that pseudo tool, as some agents have it."""
    if ending is None:
        return FIRST_TURN, SECOND_TURN
    return tuple(
        (*answers[:-1], (None, ((ending, {"answer": answers[-1][0]}),))) for answers in (FIRST_TURN, SECOND_TURN)
    )


def usage(number: int) -> dict[str, int]:
    """Tokens of a call: cached ones are part of what was read, reasoning is part of what was written."""
    return {"in": 90 + 31 * number, "out": 9 + 2 * number, "cached": 32 * (number > 1), "reasoning": 4 * (number == 1)}


def call_id(number: int, place: int) -> str:
    """Id of a tool call that an answer asks for."""
    return f"call_library_{number}_{place}"


def truth(
    session: str, user: str, asked: tuple[str, ...], tools: list[dict[str, Any]], ending: str | None
) -> list[dict[str, Any]]:
    """What happened, from the script and the tools' own log, as `agenteval conformance` reads it."""
    told: list[dict[str, Any]] = []
    number = 0
    left = list(tools)
    for words, answers in zip(asked, turns(ending), strict=True):
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
                if one["name"] == ending:
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
