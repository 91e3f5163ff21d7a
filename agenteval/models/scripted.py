"""Answers in, a model that gives them one after the other out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from typing import TypeAlias

from agenteval.core.message import Message, text_message
from agenteval.core.model import Completion, ModelRequest
from agenteval.errors import ModelError

Answer: TypeAlias = Completion | Message | str
"""What a script may answer: a whole completion, a message, or text."""

ScriptedAnswer: TypeAlias = Answer | Callable[[ModelRequest], Answer]
"""An answer, or a function that makes one from the request."""


class ScriptedModel:
    """A model that answers from a script, in the order asked. It measures no tokens, and says so.

    Args:
        answers: One answer for each request, lazily read, so that endless scripts work; or one function that answers
            every request.
        name: The model's name.

    Example:
        >>> model = ScriptedModel(["Which order?", lambda request: f"You said: {request.messages[-1].text}"])
    """

    def __init__(
        self, answers: Iterable[ScriptedAnswer] | Callable[[ModelRequest], Answer], name: str = "scripted"
    ) -> None:
        self._name = name
        self._script: Iterator[ScriptedAnswer] = _script(answers)
        self._asked: list[ModelRequest] = []
        self._given = 0

    @property
    def name(self) -> str:
        """The name that it was given."""
        return self._name

    @property
    def asked(self) -> tuple[ModelRequest, ...]:
        """Every request so far, in order."""
        return tuple(self._asked)

    async def complete(self, request: ModelRequest) -> Completion:
        """The next answer of the script. Raises ModelError where the script has run out."""
        self._asked.append(request)
        try:
            answer = next(self._script)
        except StopIteration:
            raise ModelError(self._ran_out(request)) from None
        self._given += 1
        return self._completion(answer(request) if callable(answer) else answer)

    def _completion(self, answer: Answer) -> Completion:
        if isinstance(answer, Completion):
            return answer
        if not isinstance(answer, (Message, str)):
            raise ModelError(
                f'answer {self._given} of scripted model "{self._name}" is {answer!r} ({type(answer).__name__}); '
                "allowed: a Completion, a Message, text"
            )
        message = text_message("assistant", answer) if isinstance(answer, str) else answer
        return Completion(message=message, model=self._name, finish="tool_calls" if message.requests else "stop")

    def _ran_out(self, request: ModelRequest) -> str:
        last = request.messages[-1] if request.messages else None
        said = "no message" if last is None else f"a {last.role} message: {(last.text or str(last.parts))[:200]!r}"
        answers = "1 answer" if self._given == 1 else f"{self._given} answers"
        return (
            f'the script of model "{self._name}" has {answers} and was asked for one more; the request ends in {said}. '
            "Add an answer, or check why it was asked again"
        )


def _script(answers: Iterable[ScriptedAnswer] | Callable[[ModelRequest], Answer]) -> Iterator[ScriptedAnswer]:
    if callable(answers):
        return repeat(answers)
    # text is iterable too, and nobody means its letters
    return iter([answers] if isinstance(answers, (str, Message, Completion)) else answers)
