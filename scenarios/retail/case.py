"""A conversation so far, with what follows from it: the customer's latest wish, who was verified, what was asked."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from . import reading
from .events import Call, Event, Faults, Heard, Say
from .settling import settle


class Case:
    """A conversation.

    Args:
        events: What happened.
        faults: What the agent does wrong.

    Attributes:
        wish: What is wanted, as of the last message that wants something.
        words: What the customer has said since.
        unsettled: An order to be read again, since a call that changes it got no answer.
    """

    def __init__(self, events: Sequence[Event], faults: Faults) -> None:
        self.faults = faults
        self._made = [event for event in events if isinstance(event, Call)]
        self.events, self.unsettled = settle(events, blindly=faults.repeats_blindly)
        self.said = [event.text for event in self.events if isinstance(event, Heard)]
        start = 0
        self.wish: str | None = None
        for place, event in enumerate(self.events):
            if isinstance(event, Heard) and (kind := reading.wish(event.text)):
                start, self.wish = place, kind
        self.since = self.events[start:]
        self.words = " ".join(event.text for event in self.since if isinstance(event, Heard))

    def calls(self, name: str, /, *, since: bool = False) -> Iterator[Call]:
        """The calls of a tool that succeeded, the latest first."""
        for event in reversed(self.since if since else self.events):
            if isinstance(event, Call) and event.name == name and event.error is None:
                yield event

    def result(self, name: str, /, *, since: bool = False, **arguments: Any) -> Any:
        """What a tool last answered to a call with these arguments among its own; None where it was not asked."""
        for call in self.calls(name, since=since):
            if arguments.items() <= call.arguments.items():
                return call.result
        return None

    def order(self, number: str) -> Any:
        """An order as it was when it was first read for this wish; None where it was not."""
        read = [call.result for call in self.calls("get_order", since=True) if call.arguments["order"] == number]
        return read[-1] if read else None

    def in_vain(self, call: Call) -> int:
        """How often exactly this call was made since it was last answered."""
        answered = {id(event) for event in self.events}
        same = (made for made in reversed(self._made) if (made.name, made.arguments) == (call.name, call.arguments))
        return sum(1 for _ in itertools.takewhile(lambda made: id(made) not in answered, same))

    def tried(self, name: str, /, **arguments: Any) -> bool:
        """Whether a tool was called with exactly these arguments, with success or without."""
        return any(
            isinstance(event, Call) and event.name == name and event.arguments == arguments for event in self.events
        )

    def failure(self, name: str) -> str | None:
        """The error of the latest call of a tool since the wish; None where it succeeded or was not made."""
        made = [event for event in self.since if isinstance(event, Call) and event.name == name]
        return made[-1].error if made else None

    def asked(self, text: str) -> bool:
        """Whether this was said before."""
        return any(isinstance(event, Say) and event.text == text for event in self.events)

    def answer(self, question: str) -> str | None:
        """What the customer said to a question of this wish; None where it was not asked."""
        for place, event in enumerate(self.since):
            if isinstance(event, Say) and event.text == question and place + 1 < len(self.since):
                following = self.since[place + 1]
                return following.text if isinstance(following, Heard) else None
        return None

    @property
    def verified(self) -> str | None:
        """The customer who was verified."""
        found = next(self.calls("verify_identity"), None)
        return None if found is None else str(found.arguments["customer"])
