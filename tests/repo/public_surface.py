"""The code in, the text of what is public out: `python tests/repo/public_surface.py` prints it, `make surface` keeps it."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import click

import agenteval
from agenteval import errors, pytest_plugin
from agenteval.cli import main as main_module
from agenteval.core import ports

REPO = Path(__file__).resolve().parents[2]
HEADER = """\
# What is public, as the code has it. docs/stability.md says what that promises.
# Written by `make surface` after a change that was meant; a test compares it."""


class Written(str):
    """An annotation as it stands in the source, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def signature(call: Callable[..., Any]) -> str:
    """The signature of a callable, annotations as written."""
    found = inspect.signature(call)
    parameters = [
        one
        if one.annotation is one.empty
        else one.replace(annotation=Written(inspect.formatannotation(one.annotation).strip("'")))
        for one in found.parameters.values()
    ]
    if found.return_annotation is not found.empty:
        found = found.replace(return_annotation=Written(inspect.formatannotation(found.return_annotation).strip("'")))
    return re.sub(r" at 0x[0-9a-f]+", "", str(found.replace(parameters=parameters)))  # a default may be an object


def members(owner: type) -> Iterator[str]:
    """What a class offers besides its fields, one line each."""
    for name, member in vars(owner).items():
        if name.startswith("_") and name != "__call__":
            continue
        call = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        if isinstance(member, property):
            returned = inspect.signature(member.fget).return_annotation if member.fget else ""
            yield f"    {name} -> {str(returned).strip(chr(39))}"
        elif inspect.isfunction(call):
            yield f"    {'async ' if inspect.iscoroutinefunction(call) else ''}{name}{signature(call)}"
        elif isinstance(member, Enum):
            yield f"    {name} = {member.value!r}"


def fields(owner: type) -> Iterator[str]:
    """The fields of a value or of a model, one line each."""
    if dataclasses.is_dataclass(owner):
        for field in dataclasses.fields(owner):
            free = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
            yield f"    .{field.name}: {field.type}{' (optional)' if free else ''}"
    for name, field in getattr(owner, "model_fields", {}).items():
        yield f"    .{name}: {inspect.formatannotation(field.annotation)}{'' if field.is_required() else ' (optional)'}"


def constructor(owner: type) -> str:
    """How a class is made, where it says so itself; the fields of a value say it too."""
    own = (
        "__init__" in vars(owner) and not dataclasses.is_dataclass(owner) and not getattr(owner, "_is_protocol", False)
    )
    return signature(owner) if own else ""


def described(name: str, thing: object) -> Iterator[str]:
    """One public name: its signature, and for a class its fields and members."""
    if isinstance(thing, type):
        bases = ", ".join(base.__name__ for base in thing.__bases__ if base is not object)
        yield f"class {name}{f'({bases})' if bases else ''} {constructor(thing)}".rstrip()
        yield from sorted((*fields(thing), *members(thing)))
    elif callable(thing):
        yield f"{'async ' if inspect.iscoroutinefunction(thing) else ''}{name}{signature(thing)}"
    else:
        yield f"{name}: {type(thing).__name__}"


def door() -> Iterator[str]:
    for name in agenteval.__all__:
        yield from described(name, getattr(agenteval, name))


def protocols() -> Iterator[str]:
    for name, thing in sorted(vars(ports).items()):
        if isinstance(thing, type) and thing.__module__ == ports.__name__:
            yield from described(name, thing)


def error_tree() -> Iterator[str]:
    for name in errors.__all__:
        thing = getattr(errors, name)
        yield f"{name}({thing.__base__.__name__}) {constructor(thing)}".rstrip()


def exit_codes() -> Iterator[str]:
    named = {name: code for name, code in vars(main_module).items() if name.isupper() and isinstance(code, int)}
    yield from (f"{code} {name.lower()}" for name, code in sorted(named.items(), key=lambda item: item[1]))


def verbs() -> Iterator[str]:
    group = main_module.cli
    context = click.Context(group)
    for name in sorted(group.list_commands(context)):
        command = group.get_command(context, name)
        given = [
            parameter.make_metavar(context)
            if isinstance(parameter, click.Argument)
            else "|".join((*parameter.opts, *parameter.secondary_opts))
            for parameter in command.params
        ]
        yield " ".join((name, *given))


def plugin() -> Iterator[str]:
    yield f"fixture evaluate{signature(pytest_plugin.Evaluate.__call__)}"
    yield f"marker agenteval({', '.join(pytest_plugin.MARKED)})"
    yield from (f"option --agenteval-{name}, ini agenteval_{name}" for name in sorted(pytest_plugin.OPTIONS))
    yield f"inconclusive: {', '.join(pytest_plugin.INCONCLUSIVE)}"


def required(schema: object, at: str = "") -> Iterator[tuple[str, list[str]]]:
    """Every place of a JSON Schema that requires fields, with their names."""
    if isinstance(schema, dict):
        if isinstance(schema.get("required"), list):
            yield at, sorted(schema["required"])
        for key, value in sorted(schema.items()):
            yield from required(value, f"{at}/{key}")
    elif isinstance(schema, list):
        for index, value in enumerate(schema):
            yield from required(value, f"{at}/{index}")


def schemas() -> Iterator[str]:
    for path in sorted((REPO / "traces" / "schema").glob("*.json")):
        places = json.dumps(list(required(json.loads(path.read_text(encoding="utf-8")))))
        yield f"{path.name} {hashlib.sha256(places.encode()).hexdigest()[:16]}"


SECTIONS: dict[str, Callable[[], Iterator[str]]] = {
    "the door: import agenteval": door,
    "the protocols: agenteval.core.ports": protocols,
    "the errors: agenteval.errors": error_tree,
    "the exit codes of every verb": exit_codes,
    "the verbs and their options": verbs,
    "the pytest plugin: agenteval.pytest_plugin": plugin,
    "the schemas of what is printed and stored, with a digest of what they require": schemas,
}


def main() -> None:
    sys.stdout.write(HEADER + "\n")
    for title, lines in SECTIONS.items():
        sys.stdout.write(f"\n[{title}]\n" + "".join(f"{line}\n" for line in lines()))


if __name__ == "__main__":
    main()
