"""`user:` of a scenario in, a simulated user out. Three kinds, which see what was said and nothing else.

Scripted: `says` opens, each reply is the next line of `then`, and after the last one the user is done.

    user: {says: Where is my parcel?, then: [It is order 1187., Thank you.]}

State machine: a user that `knows` things and answers when asked. `agenteval.world.hearing` understands the messages.

    user:
      says: My parcel never came. I want my money back.
      knows: {order: "1187", email: ada@example.com, reason: It is too small.}
      aliases: {reason: [why, what is wrong]}      other words for what it knows
      confirms: true                               or a list: the first confirmation, the second, …; the last one stays
      then: [And what is left on my gift card?]    further wishes
      patience: 3

With `persona`, a model speaks for the user, who knows the same things; see `agenteval.world.model_users`.

    user: {persona: Ada Marsh, in a hurry, says: My parcel never came., knows: {order: "1187"}}

The state machine's rules:

1. What it is asked for and knows, it answers, all of it in one reply. It says nothing of it unasked.
2. Asked to confirm, it says yes or no; asked whether something is so that it knows, it says that it is.
3. Asked for anything else, it says "I don't have that."; told to wait, "Okay."; asked what it wants, its wish again.
4. Asked nothing, it takes the matter for finished: it brings up the next wish, and after the last one it is done.
5. After `patience` replies in a row that brought nothing new (3, and what it had said before), it gives up.

What an agent stops at and cannot go on without (`session.ask`, LangGraph's `interrupt()`) is answered with yes or no
where `approves` of any kind says which; it may be a list, as `confirms`. Without it, a scripted user says its next
line, a model its next words, and a state machine answers from what it knows, says that it does not have what it does
not know, and takes everything else for a request to confirm.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from agenteval._util.ids import derived_seed
from agenteval._util.names import did_you_mean
from agenteval.core.json import Json
from agenteval.core.message import Message
from agenteval.core.ports import Model
from agenteval.core.scenario import UserRef
from agenteval.errors import ScenarioError
from agenteval.world.hearing import Ear, Heard, wants_words
from agenteval.world.model_users import ModelUser, next_answer

_YES = ("Yes, please go ahead.", "Yes, please do.", "Yes, that is fine, go ahead.")
_NO = ("No, please don't do that.", "No, I would rather not.", "No, please leave that.")
_RIGHT = "Yes, that is right."
_UNKNOWN = "I don't have that."
_WAITING = "Okay."
_LONGEST_SHOWN = 60
_EXPECTED = {
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "list_type": "a list",
    "dict_type": "an object",
}


class ScriptedUser:
    """Says one line after the other, whatever it hears. Satisfies `core.ports.User` and `core.ports.Answerer`.

    Args:
        lines: What it says.
        approves: Its answers to what an agent stops at; the last one stays. Empty: it says its next line.
    """

    def __init__(self, lines: Sequence[str], *, approves: Sequence[bool] = ()) -> None:
        self._lines = list(lines)
        self._approves = list(approves)

    async def reply(self, messages: Sequence[Message]) -> str | None:
        """The next line; None after the last one."""
        del messages
        return self._lines.pop(0) if self._lines else None

    async def answer(self, messages: Sequence[Message]) -> bool | str | None:
        """The next answer, else the next line; None where neither is left."""
        return next_answer(self._approves) if self._approves else await self.reply(messages)


class StateMachineUser:
    """Answers from what it knows, by the rules at the head of this module.

    Satisfies `core.ports.User` and `core.ports.Answerer`.

    Args:
        says: What it opened with.
        knows: What it can be asked for, by key.
        aliases: Other words for those keys.
        confirms: Its answers to requests for confirmation; the last one stays.
        approves: Its answers to what an agent stops at; the last one stays. Empty: it answers as it would reply.
        then: Further wishes.
        patience: Replies in a row without anything new, after which it gives up.
        seed: Chooses between phrases of one meaning.
    """

    def __init__(
        self,
        *,
        says: str,
        knows: Mapping[str, str],
        aliases: Mapping[str, Sequence[str]],
        confirms: Sequence[bool],
        approves: Sequence[bool],
        then: Sequence[str],
        patience: int,
        seed: int,
    ) -> None:
        self._wish = says
        self._knows = knows
        self._ear = Ear(knows, aliases)
        self._confirms = list(confirms)
        self._approves = list(approves)
        self._then = list(then)
        self._patience = patience
        self._seed = seed
        self._answered: dict[str, str] = {}  # messages that wanted a yes or no, and what they got
        self._told: set[str] = set()
        self._stale = 0
        self._replies = 0

    async def reply(self, messages: Sequence[Message]) -> str | None:
        """What it says to the last message of the agent; None where it is done or gives up."""
        text = _last_said(messages)
        heard = self._ear.hear(text)
        self._replies += 1
        if heard.nothing:
            return self._next_wish()
        before = len(self._told) + len(self._answered)
        reply = self._answer(heard, text)
        new = len(self._told) + len(self._answered) > before
        self._stale = 0 if new else self._stale + 1
        return reply if self._stale <= self._patience else None

    async def answer(self, messages: Sequence[Message]) -> bool | str:
        """As `approves` says; without it words where it is asked for something, else yes or no."""
        if self._approves:
            return next_answer(self._approves)
        question = _last_said(messages)
        heard = self._ear.hear(question)
        if heard.asks:
            return " ".join(self._tell(key) for key in heard.asks)
        return _UNKNOWN if wants_words(question) and not heard.confirms else next_answer(self._confirms)

    def _next_wish(self) -> str | None:
        self._stale = 0
        if not self._then:
            return None
        self._wish = self._then.pop(0)
        return self._wish

    def _answer(self, heard: Heard, text: str) -> str:
        parts = [self._tell(key) for key in heard.asks]
        if heard.confirms:
            parts.append(self._yes_or_no(text))
        elif heard.checks:
            parts.append(self._answered.setdefault(text, _RIGHT))
        if parts:
            return " ".join(parts)
        if heard.other:
            return _UNKNOWN
        return _WAITING if heard.waits else self._wish

    def _tell(self, key: str) -> str:
        self._told.add(key)
        value = self._knows[key]
        # what was written as a sentence is said as it stands
        return value if value[-1] in ".!?" else f"My {key.replace('_', ' ')} is {value}."

    def _yes_or_no(self, text: str) -> str:
        if text not in self._answered:
            phrases = _YES if next_answer(self._confirms) else _NO
            self._answered[text] = phrases[derived_seed(self._seed, self._replies) % len(phrases)]
        return self._answered[text]


def _last_said(messages: Sequence[Message]) -> str:
    """The last message of the agent."""
    return next((message.text for message in reversed(messages) if message.role == "assistant"), "")


def parse_user(spec: Mapping[str, Json], *, path: tuple[str | int, ...] = ("user",)) -> UserRef:
    """A user as written under `user:`, as what the harness makes one from.

    Args:
        spec: What was written. With `knows` (which may be empty) it is a state machine, else scripted.
        path: Where it was written, for errors.

    Raises:
        ScenarioError: It is no such user; `path` leads to the first thing that is wrong.
    """
    if not isinstance(cast("object", spec), Mapping):
        wanted = ", ".join(_ModelBacked.model_fields)
        raise ScenarioError(f"{_dotted(path)}: must be an object with keys of: {wanted}; not {_shown(spec)}", path=path)
    shape = _ModelBacked if "persona" in spec else _StateMachine if "knows" in spec else _Scripted
    try:
        written = shape.model_validate(dict(spec))
    except ValidationError as error:
        raise _scenario_error(error.errors(include_url=False), shape, path) from None
    if isinstance(written, _StateMachine):
        _check_aliases(written, path)
    with_model = written.with_model if isinstance(written, _ModelBacked) else None
    return UserRef(spec=spec, opening=written.says, make=written.make, with_model=with_model)


# --- what is written


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty; write what the user says, or leave it out")
    return text


def _one_or_many(value: object) -> object:
    return [value] if value is None or isinstance(value, (str, bool)) else value


def _number_as_text(value: object) -> object:
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


Text = Annotated[str, AfterValidator(_said)]
Texts = Annotated[list[Text], BeforeValidator(_one_or_many)]
Value = Annotated[Text, BeforeValidator(_number_as_text)]
Answers = Annotated[list[bool], BeforeValidator(_one_or_many), Field(min_length=1)]


class _Scripted(BaseModel):
    """Attributes that are shared by all kinds."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    says: Text
    then: Texts = Field(default_factory=list[str])
    approves: Answers | None = None

    def make(self, seed: int) -> ScriptedUser | StateMachineUser:
        """A fresh user."""
        del seed
        return ScriptedUser(self.then, approves=self.approves or ())


class _StateMachine(_Scripted):
    knows: dict[str, Value]
    aliases: dict[str, Texts] = Field(default_factory=dict[str, list[str]])
    confirms: Answers = Field(default=[True])
    patience: Annotated[int, Field(ge=1)] = 3

    def make(self, seed: int) -> ScriptedUser | StateMachineUser:
        """A fresh user."""
        return StateMachineUser(
            says=self.says,
            knows=self.knows,
            aliases=self.aliases,
            confirms=self.confirms,
            approves=self.approves or (),
            then=self.then,
            patience=self.patience,
            seed=seed,
        )


class _ModelBacked(_StateMachine):
    """`aliases`, `confirms` and `patience` are for the rule-based user who stands in where a suite is proven."""

    persona: Text
    knows: dict[str, Value] = Field(default_factory=dict[str, str])

    def with_model(self, seed: int, model: Model, intent: str | None) -> ModelUser:
        """A fresh user whose words come from a model."""
        return ModelUser(
            model=model,
            persona=self.persona,
            says=self.says,
            then=self.then,
            knows=self.knows,
            intent=intent,
            approves=self.approves or (),
            seed=seed,
        )


def _check_aliases(written: _StateMachine, path: tuple[str | int, ...]) -> None:
    for key in written.aliases:
        if key not in written.knows:
            where = (*path, "aliases", key)
            near = did_you_mean(key, written.knows)
            raise ScenarioError(f'{_dotted(where)}: the user knows no "{key}". {near}', path=where)


def _scenario_error(
    details: Sequence[ErrorDetails], shape: type[BaseModel], path: tuple[str | int, ...]
) -> ScenarioError:
    sentences = [_sentence(detail, shape, path) for detail in details]
    return ScenarioError("\n".join(sentences), path=(*path, *details[0]["loc"]))


def _sentence(detail: ErrorDetails, shape: type[BaseModel], path: tuple[str | int, ...]) -> str:
    kind, value = detail["type"], detail["input"]
    where = _dotted((*path, *detail["loc"]))
    if kind == "extra_forbidden":
        name = str(detail["loc"][-1])
        if name in _StateMachine.model_fields and shape is _Scripted:
            return f'{where}: is for a user that knows things; add "knows: {{}}" or take "{name}" out'
        return f'{_dotted(path)}: unknown key "{name}". {did_you_mean(name, _ModelBacked.model_fields)}'
    if kind == "missing":
        return f'{_dotted(path)}: "{detail["loc"][-1]}" is missing'
    if kind == "value_error":
        return f"{where}: {detail.get('ctx', {}).get('error', detail['msg'])}"
    if kind == "greater_than_equal":
        return f"{where}: is {_shown(value)}; it must be 1 or more"
    if kind == "too_short":
        return f"{where}: is empty; write at least one, or leave it out"
    expected = _EXPECTED.get(kind)
    return f"{where}: must be {expected}, not {_shown(value)}" if expected else f"{where}: {detail['msg']}"


def _dotted(path: tuple[str | int, ...]) -> str:
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else str(key)
    return text


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
