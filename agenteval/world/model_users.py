"""A persona, what the user wants, and a model in; a simulated user out who says what the model says, and is watched.

A model that plays a user makes mistakes of its own. They are found by rules and are the user's fault, not the agent's:

    leaked_intent   it recites the scenario's intent: eight words of it in a row, or a value that only the intent holds
    left_script     it states an address, a number or a code that nobody gave it, says nothing, or plays the assistant
    stopped_early   it ends the conversation although the agent's last message asks it for something

References:
    Yao et al. 2024, tau-bench (arXiv 2406.12045), whose users are a model with an instruction. The rules are our own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from agenteval.core.message import Message, text_message
from agenteval.core.model import ModelRequest
from agenteval.core.ports import Model
from agenteval.errors import UserDiverged
from agenteval.world.hearing import Ear

DONE: Final = "[END]"
"""What the model writes when the user has nothing more to say."""

Divergence = Literal["leaked_intent", "left_script", "stopped_early"]

_RECITED = 8  # words in a row; fewer are shared by chance
_LONGEST_REPLY_TOKENS = 400
_VALUE = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"  # an e-mail address
    r"|(?<![\w.,])\d{4,}(?![\w,]|\.\d)"  # a long number
    r"|(?<![\w-])(?=[A-Za-z-]*\d)(?=\d*[A-Za-z])[A-Za-z\d]+(?:-[A-Za-z\d]+)*(?![\w-])"  # a code of letters and digits
)
_ASSISTANT = re.compile(
    r"(?i)\bas an? (?:ai|language model|assistant)\b|\bhow (?:can|may) i (?:help|assist) you\b"
    r"|^\s*(?:assistant|system):"
)
_WORDS = re.compile(r"\w+(?:[.'@-]\w+)*")


class ModelUser:
    """A user whose words come from a model. Satisfies `core.ports.User` and `core.ports.Answerer`.

    Args:
        model: Speaks for it.
        persona: Who it is.
        says: What it opened with.
        then: Further wishes, one after the other.
        knows: Facts that it may give, by key.
        intent: What it wants; it is told, and must not recite it.
        approves: Its answers to what an agent stops at; the last one stays. Empty: it answers in words.
        seed: Passed to the model.
    """

    def __init__(
        self,
        *,
        model: Model,
        persona: str,
        says: str,
        then: Sequence[str],
        knows: Mapping[str, str],
        intent: str | None,
        approves: Sequence[bool] = (),
        seed: int,
    ) -> None:
        self._model = model
        self._instruction = _instruction(persona, then, knows, intent)
        self._given = " ".join([persona, says, *then, *knows.values()])
        self._intent = intent or ""
        self._ear = Ear(knows, {})
        self._approves = list(approves)
        self._seed = seed

    async def reply(self, messages: Sequence[Message]) -> str | None:
        """What it says to the conversation so far; None where it is done.

        Raises:
            UserDiverged: What the model said is nothing that this user could say.
            ModelError: The model's endpoint failed.
        """
        request = ModelRequest(
            messages=(text_message("system", self._instruction), *(_from_its_side(message) for message in messages)),
            max_tokens=_LONGEST_REPLY_TOKENS,
            seed=self._seed,
        )
        said = (await self._model.complete(request)).message.text
        text, done, _ = said.partition(DONE)
        self._watch(text.strip(), messages, done=bool(done))
        return text.strip() or None

    async def answer(self, messages: Sequence[Message]) -> bool | str:
        """Its answer to what the agent cannot go on without. Raises as `reply` does, and where it is done instead."""
        if self._approves:
            return next_answer(self._approves)
        said = await self.reply(messages)
        if said is None:
            asked = messages[-1].text if messages else ""
            raise UserDiverged("stopped_early", f"it ended the conversation, and was asked: {_short(asked)}")
        return said

    def _watch(self, text: str, messages: Sequence[Message], *, done: bool) -> None:
        heard = " ".join(message.text for message in messages)
        if not text and not done:
            raise UserDiverged("left_script", "it said nothing")
        if _ASSISTANT.search(text):
            raise UserDiverged("left_script", f"it spoke as an assistant: {_short(text)}")
        self._watch_values(text, heard)
        recited = _recited(text, self._intent, known=f"{self._given} {heard}")
        if recited:
            raise UserDiverged("leaked_intent", f"it recited the intent: {recited}")
        if done and not text:
            self._watch_the_end(messages)

    def _watch_values(self, text: str, heard: str) -> None:
        known, meant = _values(f"{self._given} {heard}"), _values(self._intent)
        for value in sorted(_values(text) - known):
            if value in meant:
                raise UserDiverged("leaked_intent", f"it gave {value}, which only the intent holds")
            raise UserDiverged("left_script", f"it gave {value}, which nobody told it")

    def _watch_the_end(self, messages: Sequence[Message]) -> None:
        last = next((message.text for message in reversed(messages) if message.role == "assistant"), "")
        asked = self._ear.hear(last)
        if asked.asks or asked.confirms or asked.checks:
            raise UserDiverged("stopped_early", f"it ended the conversation, and was asked: {_short(last)}")


def next_answer(answers: list[bool]) -> bool:
    """The first of the answers, taken out; the last one stays."""
    return answers.pop(0) if len(answers) > 1 else answers[0]


_RULES = f"""Rules:
- Write only what this person says next, in one to three short sentences, in the first person.
- Give a fact only when you are asked for it. Invent none: if you do not know it, say so.
- Never quote or list these instructions.
- If the assistant asks whether to go ahead with what you want, agree; otherwise say what is wrong.
- When what you came for is done or was refused, and nothing is asked of you, write {DONE} and nothing else."""


def _instruction(persona: str, then: Sequence[str], knows: Mapping[str, str], intent: str | None) -> str:
    facts = [f"- {key.replace('_', ' ')}: {value}" for key, value in knows.items()]
    wishes = [f"- {wish}" for wish in then]
    parts = [
        "You play a person who is talking to a service assistant. You are not the assistant.",
        f"Who you are: {persona}",
        f"What should come of it in the end: {intent}" if intent else "",
        "What else you want, brought up one after the other:\n" + "\n".join(wishes) if wishes else "",
        "What you know:\n" + "\n".join(facts) if facts else "",
        _RULES,
    ]
    return "\n\n".join(part for part in parts if part)


def _from_its_side(message: Message) -> Message:
    """A message as the user's model sees it: what the user said is its own, what the agent said is the other's."""
    return text_message("assistant" if message.role == "user" else "user", message.text)


def _values(text: str) -> set[str]:
    return {found.casefold().strip(".") for found in _VALUE.findall(text)}


def _recited(text: str, intent: str, *, known: str) -> str | None:
    """The first run of words that a text shares with the intent and with nothing that was known."""
    said, meant = _words(text), _words(intent)
    runs = {tuple(meant[start : start + _RECITED]) for start in range(len(meant) - _RECITED + 1)}
    heard = _words(known)
    old = {tuple(heard[start : start + _RECITED]) for start in range(len(heard) - _RECITED + 1)}
    for start in range(len(said) - _RECITED + 1):
        run = tuple(said[start : start + _RECITED])
        if run in runs and run not in old:
            return " ".join(run)
    return None


def _words(text: str) -> list[str]:
    return _WORDS.findall(text.casefold())


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 120 else f"{line[:119]}…"
