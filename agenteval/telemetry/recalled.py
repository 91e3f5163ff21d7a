"""Model calls whose answer was not recorded, or not whole, in, that answer as a later model call was told it out.

Instrumentations lose what is streamed, or record no answers at all. A model call that goes on from the same messages
begins with them and then has the answer: so it is known what was said and asked for, except of the last call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from agenteval.core.message import Message, ToolRequest
from agenteval.core.trajectory import ModelCall
from agenteval.telemetry.drafts import Draft, reasons


def recall(models: Sequence[Draft]) -> None:
    """Fill in answers that were not recorded, and requests of which only the words beside them were.

    Args:
        models: Drafts of model calls, by the time at which they began.
    """
    for number, draft in enumerate(models):
        call = cast("ModelCall", draft.content)
        if call.requests or call.error is not None or not call.messages or draft.node.reading.delta:
            continue
        later = (cast("ModelCall", one.content).messages for one in models[number + 1 :] if one.scope == draft.scope)
        answer = next((found for messages in later if (found := _answer(call.messages, messages)) is not None), None)
        if answer is not None and _says_more(answer, draft, call):
            requests = tuple(part for part in answer.parts if isinstance(part, ToolRequest))
            draft.content = replace(call, output=(answer,), requests=requests)
            draft.missing = reasons(draft.missing, "output")


def _answer(heard: Sequence[Message], later: Sequence[Message]) -> Message | None:
    """What follows the same messages, where it is an assistant's."""
    size = len(heard)
    if len(later) <= size or later[size].role != "assistant" or tuple(later[:size]) != tuple(heard):
        return None
    return later[size]


def _says_more(answer: Message, draft: Draft, call: ModelCall) -> bool:
    """Whether an answer was not recorded, or is what was recorded and asks for calls besides."""
    if not call.output:
        return "output" in draft.missing
    same = "".join(message.text for message in call.output).split() == answer.text.split()
    return same and any(isinstance(part, ToolRequest) for part in answer.parts)
