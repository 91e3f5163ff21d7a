"""Marked functions: what they offer, and which arguments they accept."""

from __future__ import annotations

import datetime as dt
import enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from agenteval.core.trajectory import OfferedTool
from agenteval.errors import ScenarioError, ToolError
from agenteval.world import Toolset, tool


class Line(BaseModel):
    sku: str
    quantity: int = 1


class Ledger:
    """Nothing that JSON could hold."""


class Way(enum.Enum):
    CARD = "card"
    CREDIT = "credit"


@tool
def issue_refund(
    order: Annotated[str, Field(description="The order's number")],
    amount: Annotated[float, Field(gt=0)],
    to: Literal["original_payment", "gift_card"] = "original_payment",
    items: list[str] | None = None,
) -> dict[str, Any]:
    """Pay money back
    for an order.

    Never twice.
    """
    return {"order": order, "amount": amount, "to": to, "items": items}


@tool
def everything(model: Line, schema: int, *, on: dt.date, way: Way, copy: bool = False) -> list[Any]:
    return [model.sku, model.quantity, schema, on.isoformat(), way.value, copy]


def refused(found: pytest.ExceptionInfo[ToolError]) -> tuple[str, str]:
    return found.value.code, str(found.value)


def test_what_a_tool_offers():
    assert Toolset([issue_refund]).offered == (
        OfferedTool(
            name="issue_refund",
            description="Pay money back for an order.",
            parameters={
                "type": "object",
                "properties": {
                    "order": {"type": "string", "description": "The order's number"},
                    "amount": {"type": "number", "exclusiveMinimum": 0},
                    "to": {"type": "string", "enum": ["original_payment", "gift_card"], "default": "original_payment"},
                    "items": {
                        "anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}],
                        "default": None,
                    },
                },
                "required": ["order", "amount"],
                "additionalProperties": False,
            },
        ),
    )


def test_marking_changes_nothing_and_names():
    assert issue_refund("1187", 2)["amount"] == 2

    @tool(name="pay_back")
    def refund() -> None:
        """Pay."""

    assert [(each.name, each.description) for each in Toolset([refund]).offered] == [("pay_back", "Pay.")]


async def test_arguments_reach_the_function_as_json_says():
    tools = Toolset([issue_refund, everything])
    assert await tools.call("issue_refund", {"order": "1187", "amount": 2, "items": ["A"]}) == {
        "order": "1187",
        "amount": 2.0,
        "to": "original_payment",
        "items": ["A"],
    }
    given = {"model": {"sku": "A"}, "schema": 3, "on": "2025-06-16", "way": "credit"}
    assert await tools.call("everything", given) == ["A", 1, 3, "2025-06-16", "credit", False]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"order": "1187", "amount": "2"}, 'issue_refund: amount must be a number, not "2" (text)'),
        ({"order": 1187, "amount": 2}, "issue_refund: order must be text, not 1187"),
        ({"order": "1187", "amount": True}, "issue_refund: amount must be a number, not true"),
        ({"order": "1187"}, "issue_refund: amount is missing"),
        ({"order": "1187", "amount": 2, "items": ("A", 7)}, "issue_refund: items.1 must be text, not 7"),
        ({"order": "1187", "amount": 2, "items": "A"}, 'issue_refund: items must be a list, not "A" (text)'),
        ({"order": "1187", "amount": -1}, "issue_refund: amount: Input should be greater than 0, not -1"),
        (
            {"order": "1187", "amount": 2, "to": "cash"},
            "issue_refund: to must be one of 'original_payment' or 'gift_card', not \"cash\" (text)",
        ),
        (
            {"order": "1187", "amunt": 2},
            'issue_refund: amount is missing; unknown argument "amunt". Did you mean "amount"?',
        ),
        ({"order": "1187", "amount": float("nan")}, "issue_refund: the arguments: nan is not a finite number"),
        ({"order": "\ud800", "amount": 1}, None),
        (
            {"order": b"1187", "amount": 1},
            "issue_refund: the arguments: b'1187' (bytes) is not JSON; write it as text or number",
        ),
        ([1], "issue_refund: arguments are a JSON object, not [1]"),
        ("x" * 99, f'issue_refund: arguments are a JSON object, not "{"x" * 59}… (text)'),
    ],
)
async def test_arguments_that_do_not_fit_are_refused_in_words(arguments: Any, said: str | None):
    with pytest.raises(ToolError) as found:
        await Toolset([issue_refund]).call("issue_refund", arguments)
    code, message = refused(found)
    assert code == "invalid_arguments"
    assert said is None or message == said


async def test_many_errors_are_cut():
    with pytest.raises(ToolError) as found:
        await Toolset([issue_refund]).call("issue_refund", {f"x{number}": number for number in range(9)})
    assert str(found.value).endswith("; and 6 more")


async def test_an_unknown_tool_gets_the_nearest_name():
    with pytest.raises(ToolError) as found:
        await Toolset([issue_refund]).call("isue_refund", {})
    assert refused(found) == ("unknown_tool", 'there is no tool "isue_refund". Did you mean "issue_refund"?')


async def test_tools_may_be_coroutines_and_methods():
    class Desk:
        @tool
        async def ring(self, times: int) -> int:
            """Ring."""
            return times * 2

        @staticmethod
        @tool
        def shut() -> str:
            """Shut."""
            return "shut"

        def helper(self) -> None:
            """No tool."""

        @property
        def dangerous(self) -> None:
            raise AssertionError("looking for tools must not run properties")

    class Front(Desk):
        @tool
        def open(self) -> str:
            """Open."""
            return "open"

    tools = Toolset.of(Front())
    assert [each.name for each in tools.offered] == ["ring", "shut", "open"]
    assert [await tools.call("ring", {"times": 2}), await tools.call("shut", {}), await tools.call("open", {})] == [
        4,
        "shut",
        "open",
    ]


def test_signatures_that_say_too_little_are_refused():
    def untyped(order) -> None: ...
    def starred(*orders: str) -> None: ...
    def keywords(**orders: str) -> None: ...
    def positional(order: str, /) -> None: ...
    def strange(order: Ledger) -> None: ...
    def missing(order: str) -> None: ...

    missing.__annotations__["order"] = "NoSuchType"

    for function, said in (
        (untyped, 'argument "order" has no annotation; write its type, such as order: str'),
        (starred, "arguments have names"),
        (keywords, "arguments have names"),
        (positional, "arguments have names"),
        (missing, "NoSuchType"),
    ):
        with pytest.raises(ScenarioError, match=said):
            Toolset([function])
    with pytest.raises(ScenarioError, match="no JSON Schema for its arguments"):
        Toolset([strange])


def test_two_tools_of_one_name_are_refused():
    @tool(name="issue_refund")
    def other() -> None:
        """Other."""

    with pytest.raises(ScenarioError, match='two tools have the name "issue_refund"'):
        Toolset([issue_refund, other])


@pytest.mark.parametrize("what", [staticmethod(lambda: None), 7, Line])
def test_only_functions_are_marked(what: Any):
    with pytest.raises(TypeError, match="put it next to the `def`"):
        tool(what)
