"""What people write in, checked shapes out; or one readable sentence, with file and line, for each thing that is wrong.

Shapes are strict: no text becomes a number, and no key that is not known goes by.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, TypeVar, cast, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from agenteval._util.names import did_you_mean
from agenteval.core.scenario import Limits
from agenteval.errors import ScenarioError
from agenteval.intake.yaml import Document, Trail, kind_of

S = TypeVar("S", bound="Written")

_PLAIN_KEY = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*", re.ASCII)
_LONGEST_ID = 200
_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "list_type": "a list",
    "dict_type": "an object",
    "mapping_type": "an object",
    "model_type": "an object",
    "bool_type": "true or false",
    "finite_number": "a finite number",
}


class Written(BaseModel):
    """Base of everything that people write."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def checked_id(text: str) -> str:
    """An id such as `retail/refund-late`, as it is. Raises ValueError for anything else."""
    if len(text) > _LONGEST_ID or not _ID.fullmatch(text):
        raise ValueError(
            f"{quoted(text)} is no id: use letters, digits, '.', '_' and '-', with '/' between suite and scenario"
        )
    return text


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty; write the text, or leave the key out")
    return text


def _version(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _one_or_many(value: object) -> object:
    return [value] if isinstance(value, str) else value


Id = Annotated[str, AfterValidator(checked_id)]
Text = Annotated[str, AfterValidator(_said)]
Version = Annotated[Text, BeforeValidator(_version)]
Texts = Annotated[list[Text], BeforeValidator(_one_or_many)]
Count = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class LimitsShape(Written):
    """`limits:`; null lifts a limit that the suite sets."""

    turns: Count | None = None
    calls: Count | None = None
    tokens: Count | None = None
    seconds: Amount | None = None
    usd: Amount | None = None

    def over(self, limits: Limits) -> Limits:
        """The given limits with those that are written here in their place."""
        return replace(limits, **self.model_dump(exclude_unset=True))


def read(shape: type[S], document: Document, path: Trail = ()) -> S:
    """The value at a path of a document, in its shape. Raises ScenarioError that lists all that is wrong."""
    found, errors = examine(shape, document, path)
    if found is None:
        raise listing(errors)
    return found


def examine(shape: type[S], document: Document, path: Trail = ()) -> tuple[S | None, list[ScenarioError]]:
    """The value at a path of a document, in its shape; or None, and an error for each thing that is wrong."""
    data = value_at(document.data, path)
    if not isinstance(data, Mapping):
        found = "this file is empty" if data is None and not path else f"this is {kind_of(data)}"
        wanted = ", ".join(shape.model_fields)
        return None, [
            document.error(f"{prefix(path)}{found}; what belongs here is an object with keys of: {wanted}", path)
        ]
    try:
        return shape.model_validate(data), []
    except ValidationError as error:
        details = error.errors(include_url=False)
    return None, [_error(shape, detail, document, path) for detail in details]


def value_at(data: Any, path: Trail) -> Any:
    """The value at a path of JSON; None where there is none."""
    for key in path:
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def listing(errors: Sequence[ScenarioError]) -> ScenarioError:
    """All errors as one that shows each in a line of its own, by file and line."""
    first, *others = sorted(errors, key=lambda error: (error.file or "", error.line or 0))
    if not others:
        return first
    lines = dict.fromkeys([first.message, *(str(error) for error in others)])
    return ScenarioError("\n".join(lines), file=first.file, line=first.line, path=first.path)


def dotted(path: Trail) -> str:
    """A path as people write it: `checks[2].at_most`."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        elif _PLAIN_KEY.fullmatch(key):
            text += f".{key}" if text else key
        else:
            text += f"[{json.dumps(key, ensure_ascii=False)}]"
    return text


def prefix(path: Trail) -> str:
    """A path in front of a message; nothing for the root."""
    return f"{dotted(path)}: " if path else ""


def quoted(value: object) -> str:
    """A JSON value as one short line: text in quotes, the rest as JSON."""
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _error(shape: type[Written], detail: ErrorDetails, document: Document, root: Trail) -> ScenarioError:
    path: Trail = (*root, *detail["loc"])
    return document.error(_sentence(shape, detail, path, root), path)


def _sentence(shape: type[Written], detail: ErrorDetails, path: Trail, root: Trail) -> str:
    kind, value = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        known = list(_shape_at(shape, path[len(root) : -1]).model_fields)
        return f'{prefix(path[:-1])}unknown key "{path[-1]}". {did_you_mean(str(path[-1]), known)}'
    if kind == "missing":
        return f'{prefix(path[:-1])}"{path[-1]}" is missing'
    if kind == "value_error":
        return f"{prefix(path)}{detail.get('ctx', {}).get('error', detail['msg'])}"
    if kind == "greater_than_equal":
        return f"{prefix(path)}is {quoted(value)}; it must be {detail.get('ctx', {}).get('ge', 0):g} or more"
    if kind == "literal_error":
        return f"{prefix(path)}is {quoted(value)}; it must be one of {detail.get('ctx', {}).get('expected', '')}"
    expected = _EXPECTED.get(kind)
    if expected is None:
        return f"{prefix(path)}{detail['msg']}, not {quoted(value)}"
    hint = f' Write "{quoted(value)}".' if expected == "text" and isinstance(value, (int, float)) else ""
    found = "null" if value is None else f"{quoted(value)} ({kind_of(value)})"
    return f"{prefix(path)}must be {expected}, not {found}.{hint}"


def _shape_at(shape: type[Written], path: Trail) -> type[Written]:
    """The shape of what stands at a path, as far as its fields say."""
    for key in path:
        field = shape.model_fields.get(key) if isinstance(key, str) else None
        if field is not None:
            shape = next(_shapes_in(field.annotation), shape)
    return shape


def _shapes_in(annotation: Any) -> Iterator[type[Written]]:
    if isinstance(annotation, type) and issubclass(annotation, Written):
        yield annotation
    for argument in get_args(annotation):
        yield from _shapes_in(argument)


def mapping(value: object) -> Mapping[str, Any] | None:
    """The value where it is an object, else None."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else None
