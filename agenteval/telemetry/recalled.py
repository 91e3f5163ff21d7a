"""Model calls whose answer was not recorded, or not whole, in, that answer as a later model call was told it out.

Instrumentations lose what is streamed, or record no answers at all. A model call that goes on from the same messages
begins with them and then has the answer: so it is known what was said and asked for, except of the last call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from typing import cast

from agenteval.core.message import Message, ToolRequest
from agenteval.core.trajectory import ModelCall
from agenteval.telemetry.drafts import Draft, reasons


def recall(models: Sequence[Draft]) -> None:
    """Fill in answers that were not recorded, and requests of which only the words beside them were.

    Args:
        models: Drafts of model calls, by the time at which they began.
    """
    talks = [talk(cast("ModelCall", draft.content)) for draft in models]
    for number, draft in enumerate(models):
        call, heard = cast("ModelCall", draft.content), talks[number]
        if call.requests or call.error is not None or not heard or draft.node.reading.delta:
            continue
        later = (talks[at] for at in range(number + 1, len(models)) if models[at].scope == draft.scope)
        answer = next((_after(heard, told) for told in later if told[: len(heard)] == heard), None)
        if answer is not None and _says_more(answer, draft, call):
            requests = tuple(part for part in answer.parts if isinstance(part, ToolRequest))
            draft.content = replace(call, output=(answer,), requests=requests)
            draft.missing = reasons(draft.missing, "output")


def talk(call: ModelCall) -> tuple[Message, ...]:
    """What a model call was told, but for its instructions: another agent that goes on has others."""
    return tuple(message for message in call.messages if message.role != "system")


def _after(heard: Sequence[Message], told: Sequence[Message]) -> Message | None:
    """What an assistant says after the same messages; some senders write each part as a message of its own."""
    answer = tuple(takewhile(lambda message: message.role == "assistant", told[len(heard) :]))
    return (
        Message(role="assistant", parts=tuple(part for message in answer for part in message.parts)) if answer else None
    )


def _says_more(answer: Message, draft: Draft, call: ModelCall) -> bool:
    """Whether an answer was not recorded, or is what was recorded and asks for calls besides."""
    if not call.output:
        return "output" in draft.missing
    same = "".join(message.text for message in call.output).split() == answer.text.split()
    return same and any(isinstance(part, ToolRequest) for part in answer.parts)
