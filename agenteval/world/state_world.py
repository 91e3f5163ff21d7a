"""A start state in, a world out: its tools are the methods that `@tool` marks, its state is JSON that they change.

class Shop(StateWorld):
    def __init__(self, seed: int) -> None:
        super().__init__({"orders": {"1187": {"status": "lost", "refunds": []}}})

    @tool
    def issue_refund(self, order: str, amount: float) -> Json:
        '''Pay money back.'''
        found = self.data["orders"].get(order)
        if found is None:
            raise ToolError(f"there is no order {order}", code="not_found")
        found["refunds"].append({"amount": amount})
        return found
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agenteval.core.json import Json
from agenteval.core.trajectory import OfferedTool
from agenteval.errors import WorldError
from agenteval.world.state import Document, Operation, Snapshot, as_json
from agenteval.world.tools import Toolset


class StateWorld:
    """A world whose state is one JSON document. Satisfies `core.ports.World`, which asks for no base class.

    One call runs at a time. A call that raises leaves the state as it was before it.

    Args:
        initial: The start state, an object or a list. Worlds may share it: it is never changed.

    Raises:
        ScenarioError: Two tools have one name, or a tool's signature says too little for a JSON Schema.
        TypeError: The state is neither an object nor a list.
    """

    def __init__(self, initial: Json) -> None:
        self._document = Document(initial)
        self._tools = Toolset.of(self)

    @property
    def data(self) -> Any:
        """The state as tools use it: changed like dicts and lists, and every change is noted."""
        return self._document.data

    def tools(self) -> Sequence[OfferedTool]:
        """The tools it offers, in the order in which they are defined."""
        return self._tools.offered

    async def call(self, tool: str, arguments: Mapping[str, Json]) -> Json:
        """Call a tool; what it returns comes back as plain JSON.

        Raises:
            ToolError: The tool's own error, an unknown tool, or arguments that do not fit.
            WorldError: The tool returned something that is not JSON.
        """
        before = self._document.snapshot()
        try:
            result = await self._tools.call(tool, arguments)
            return self._plain(tool, result)
        except BaseException:
            self._document.restore(before)
            raise

    def changes(self) -> list[Operation]:
        """JSON Patch (RFC 6902) of what changed since last asked."""
        return self._document.changes()

    def state(self) -> Json:
        """The whole state as it is now. It is shared: callers must not change it."""
        return self._document.plain()

    def snapshot(self) -> Snapshot:
        """This moment, to come back to with `restore`; costs nothing."""
        return self._document.snapshot()

    def restore(self, snapshot: object) -> None:
        """Come back to a moment of this world: its state, and what `changes` had yet to tell then."""
        if not isinstance(snapshot, Snapshot):
            raise WorldError(f"restore() takes what snapshot() gave, not {type(snapshot).__name__}")
        self._document.restore(snapshot)

    @staticmethod
    def _plain(tool: str, result: object) -> Json:
        try:
            return as_json(result, where=f"what {tool} returned")
        except (TypeError, ValueError) as error:
            raise WorldError(str(error)) from error
