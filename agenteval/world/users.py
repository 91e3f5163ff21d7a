"""`user:` of a scenario in, a simulated user out. Two kinds, which see what was said and nothing else.

Scripted: `says` opens, each reply is the next line of `then`, and after the last one the user is done.

    user: {says: Where is my parcel?, then: [It is order 1187., Thank you.]}

State machine: a user that `knows` things and answers when asked (how a message is understood: `agenteval.world.hearing`).

    user:
      says: My parcel never came. I want my money back.
      knows: {order: "1187", email: ada@example.com, reason: It is too small.}
      aliases: {reason: [why, what is wrong]}      other words for what it knows
      confirms: true                               or a list: the first confirmation, the second, …; the last one stays
      then: [And what is left on my gift card?]    further wishes
      patience: 3

1. What it is asked for and knows, it answers, all of it in one reply. It says nothing of it unasked.
2. Asked to confirm, it says yes or no; asked whether something is so that it knows, it says that it is.
3. Asked for anything else, it says "I don't have that."; told to wait, "Okay."; asked what it wants, its wish again.
4. Asked nothing, it takes the matter for finished: it brings up the next wish, and after the last one it is done.
5. After `patience` replies in a row that brought nothing new (3, and what it had said before), it gives up.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from agenteval._util.ids import derived_seed
from agenteval._util.names import did_you_mean
from agenteval.core.json import Json
from agenteval.core.message import Message
from agenteval.core.scenario import UserRef
from agenteval.errors import ScenarioError
from agenteval.world.hearing import Ear, Heard

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


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty; write what the user says, or leave it out")
    return text


def _one_or_many(value: object) -> object:
    return value if isinstance(value, (list, dict)) else [value]


Text = Annotated[str, AfterValidator(_said)]
Texts = Annotated[list[Text], BeforeValidator(_one_or_many)]


class _Scripted(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    says: Text
    then: Texts = Field(default_factory=list[str])
    approves: bool = True


class _StateMachine(_Scripted):
    knows: dict[str, Annotated[Text, BeforeValidator(lambda value: _number_as_text(value))]]
    aliases: dict[str, Texts] = Field(default_factory=dict[str, list[str]])
    confirms: Annotated[list[bool], BeforeValidator(_one_or_many), Field(min_length=1)] = Field(default=[True])
    patience: Annotated[int, Field(ge=1)] = 3
