"""Marked functions in; offered tools with JSON Schemas, and strictly checked calls of them, out.

    @tool
    def issue_refund(
        self,
        order: Annotated[str, Field(description="The order's number")],
        amount: float,
        to: Literal["original_payment", "gift_card"] = "original_payment",
    ) -> Json:
        '''Pay money back for an order.'''

The name is the function's, the description the first paragraph of its docstring, the arguments are what its signature
says, by pydantic. Arguments are checked as JSON, strictly: `"1"` is no number and 1 is no text.
"""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar, cast, get_type_hints, overload

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import ErrorDetails

from agenteval._util.names import did_you_mean
from agenteval.core.json import Json
from agenteval.core.trajectory import OfferedTool
from agenteval.errors import ScenarioError, ToolError
from agenteval.world.state import as_json

F = TypeVar("F", bound=Callable[..., Any])

_MARK = "__agenteval_tool__"
_ERRORS_SHOWN = 5
_LONGEST_SHOWN = 60
_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "none_required": "null",
    "finite_number": "a finite number",
}


@overload
def tool(function: F, /) -> F: ...
@overload
def tool(*, name: str) -> Callable[[F], F]: ...
def tool(function: Any = None, /, *, name: str | None = None) -> Any:
    """Mark a function or method as a tool. It is returned as it is, and nothing is registered anywhere.

    Args:
        function: What is marked. Below `@staticmethod` and `@classmethod`, not above them.
        name: The tool's name; the function's unless given.

    Raises:
        TypeError: What is marked is no plain function.
    """
    if function is None:
        return functools.partial(_marked, name=name)
    return _marked(function, name=None)


def _marked(function: Any, *, name: str | None) -> Any:
    if not inspect.isfunction(function):
        raise TypeError(f"@tool marks functions and methods, not {type(function).__name__}; put it next to the `def`")
    setattr(function, _MARK, name or function.__name__)
    return function


class Toolset:
    """Tools by name: what they offer, and how they are called.

    Args:
        functions: Functions or bound methods. Those that `tool` did not mark go by their own names.

    Raises:
        ScenarioError: Two have one name, or a signature says too little for a JSON Schema.
    """

    def __init__(self, functions: Iterable[Callable[..., Any]]) -> None:
        self._tools: dict[str, tuple[Callable[..., Any], _Shape]] = {}
        for function in functions:
            name = _name(function)
            if name in self._tools:
                raise ScenarioError(f'two tools have the name "{name}"; give one of them another: @tool(name="…")')
            plain = getattr(function, "__func__", function)
            self._tools[name] = (function, _shape(plain, bound=inspect.ismethod(function)))

    @classmethod
    def of(cls, owner: object) -> Toolset:
        """The methods of an object that are marked as tools, in the order in which they are defined."""
        return cls(_marked_methods(owner))

    @property
    def offered(self) -> Sequence[OfferedTool]:
        """What an agent is offered."""
        return tuple(
            OfferedTool(name=name, description=shape.description, parameters=shape.schema)
            for name, (_, shape) in self._tools.items()
        )

    async def call(self, name: str, arguments: Mapping[str, Json]) -> Any:
        """What a tool returns, awaited where it is a coroutine.

        Raises:
            ToolError: There is no such tool (`unknown_tool`), the arguments do not fit (`invalid_arguments`), or the
                tool raised it.
        """
        if name not in self._tools:
            raise ToolError(f'there is no tool "{name}". {did_you_mean(name, self._tools)}', code="unknown_tool")
        function, shape = self._tools[name]
        result = function(**shape.checked(name, arguments))
        return await result if inspect.isawaitable(result) else result


def _name(function: Callable[..., Any]) -> str:
    return cast("str", getattr(function, _MARK, None) or getattr(function, "__name__", repr(function)))


def _marked_methods(owner: object) -> Iterator[Callable[..., Any]]:
    members: dict[str, Any] = {}
    for base in reversed(type(owner).__mro__):  # what a subclass defines anew keeps its place
        members |= vars(base)
    for name, found in members.items():  # the classes are asked, so that no property runs
        if getattr(getattr(found, "__func__", found), _MARK, None) is not None:
            yield getattr(owner, name)


class _Untitled(GenerateJsonSchema):
    """JSON Schema without the titles that pydantic makes up."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        del schema
        return False

    def model_schema(self, schema: Any) -> dict[str, Any]:
        made = super().model_schema(schema)
        made.pop("title", None)
        return made


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a function takes.

    Attributes:
        model: Checks the arguments. Its fields have names of their own, so that an argument may have any name.
        names: The argument of each field.
    """

    description: str
    schema: dict[str, Any]
    model: type[BaseModel]
    names: Mapping[str, str]

    def checked(self, tool_name: str, arguments: Mapping[str, Json]) -> dict[str, Any]:
        """The arguments as the function takes them: those that were given, and no others."""
        if not isinstance(cast("object", arguments), Mapping):
            raise _refused(tool_name, [f"arguments are a JSON object, not {_shown(arguments)}"])
        try:
            text = json.dumps(as_json(arguments, where="the arguments"), ensure_ascii=False)
        except (TypeError, ValueError) as error:
            raise _refused(tool_name, [str(error)]) from error
        try:
            made = self.model.model_validate_json(text)
        except ValidationError as error:
            details = error.errors(include_url=False, include_context=True)
            raise _refused(tool_name, [self._sentence(detail) for detail in details]) from None
        return {self.names[field]: getattr(made, field) for field in made.model_fields_set}

    def _sentence(self, detail: ErrorDetails) -> str:
        kind, value = detail["type"], detail["input"]
        place = ".".join(str(part) for part in detail["loc"])
        if kind == "extra_forbidden":
            known = self.names.values() if len(detail["loc"]) == 1 else ()
            return f'unknown argument "{place}". {did_you_mean(place, known) if known else ""}'.rstrip()
        if kind == "missing":
            return f"{place} is missing"
        if kind == "literal_error":
            return f"{place} must be one of {detail.get('ctx', {}).get('expected', '')}, not {_shown(value)}"
        expected = _EXPECTED.get(kind)
        if expected is not None:
            return f"{place} must be {expected}, not {_shown(value)}"
        return f"{place}: {detail['msg']}, not {_shown(value)}"


def _refused(tool_name: str, sentences: Sequence[str]) -> ToolError:
    more = f"; and {len(sentences) - _ERRORS_SHOWN} more" if len(sentences) > _ERRORS_SHOWN else ""
    return ToolError(f"{tool_name}: {'; '.join(sentences[:_ERRORS_SHOWN])}{more}", code="invalid_arguments")


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=repr)
    shown = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
    return f"{shown} (text)" if isinstance(value, str) else shown


@functools.lru_cache(maxsize=1024)
def _shape(function: Callable[..., Any], *, bound: bool) -> _Shape:
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError as error:
        raise ScenarioError(f"tool {function.__qualname__}: {error}; annotations must be importable") from error
    parameters = list(inspect.signature(function).parameters.values())[1 if bound else 0 :]
    fields: dict[str, Any] = {}
    names: dict[str, str] = {}
    for number, parameter in enumerate(parameters):
        _check(function, parameter, hints)
        names[f"argument_{number}"] = parameter.name
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[f"argument_{number}"] = (Annotated[hints[parameter.name], Field(alias=parameter.name)], default)
    config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    try:
        model = create_model(function.__name__, __config__=config, **fields)
        schema = model.model_json_schema(schema_generator=_Untitled)
    except PydanticUserError as error:
        raise ScenarioError(f"tool {function.__qualname__}: no JSON Schema for its arguments: {error}") from error
    return _Shape(_first_paragraph(function), schema, model, names)


def _check(function: Callable[..., Any], parameter: inspect.Parameter, hints: Mapping[str, Any]) -> None:
    where = f'tool {function.__qualname__}: argument "{parameter.name}"'
    if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
        raise ScenarioError(f"{where}: a tool's arguments have names: no *args, **kwargs or positional-only ones")
    if parameter.name not in hints:
        raise ScenarioError(f"{where} has no annotation; write its type, such as {parameter.name}: str")


def _first_paragraph(function: Callable[..., Any]) -> str:
    paragraph = (inspect.getdoc(function) or "").strip().partition("\n\n")[0]
    return " ".join(paragraph.split())
