"""A store that holds texts already, opened anew, takes spans that share some of them and not others."""

from __future__ import annotations

from pathlib import Path

from agenteval import open_store
from agenteval.core import semconv
from agenteval.core.span import Span


def talk(number: int, *texts: str) -> Span:
    messages = [{"role": "user", "parts": [{"type": "text", "content": text * 50}]} for text in texts]
    return Span(
        trace_id=f"{number:032x}",
        span_id=f"{number:016x}",
        name="chat",
        start_ns=number,
        end_ns=number,
        attributes={semconv.INPUT_MESSAGES: messages, "note": texts[0] * 100},
    )


def test_texts_known_and_unknown_mix(tmp_path: Path) -> None:
    path = str(tmp_path / "s.db")
    first = open_store(path)
    first.append([talk(1, "alpha", "beta"), talk(2, "gamma")])
    first.close()
    again = open_store(path)
    again.append([talk(3, "delta")])
    again.append([talk(4, "delta", "beta", "epsilon"), talk(5, "gamma", "alpha"), talk(6, "alpha", "beta")])
    expected = {
        3: talk(3, "delta"),
        4: talk(4, "delta", "beta", "epsilon"),
        5: talk(5, "gamma", "alpha"),
        6: talk(6, "alpha", "beta"),
    }
    for number, span in expected.items():
        assert again.read([f"{number:032x}"])[0] == [span]
    again.close()
