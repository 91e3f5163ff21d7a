"""A compiled graph in, one trial's conversation with it out, which leaves nothing behind.

What a trial writes to the graph's checkpointers stands under a thread id of its own and is deleted at its end. A
checkpointer that cannot delete is not written to: the trial then runs on a copy of the graph with a memory of its own.
Caches of nodes are off, since a node that another trial has already run would not be run again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import uuid4

from langgraph.cache.base import BaseCache, FullKey, Namespace
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver

from agenteval.agents.function import in_thread
from agenteval.errors import RequestError

_Saver = BaseCheckpointSaver[Any]

_CACHE = "__pregel_cache"  # where LangGraph looks for a cache first, in the graph and in those inside it


class Conversation:
    """One trial's conversation with a graph. Open it, invoke the graph, close it.

    Args:
        graph: The compiled graph.
        config: Its RunnableConfig; the thread id is added.
        context: Its runtime context; None where it takes none.
    """

    def __init__(self, graph: Any, config: Mapping[str, Any], context: Any) -> None:
        self.thread = f"agenteval-{uuid4().hex}"
        self._graph = graph
        own = {"thread_id": self.thread, _CACHE: _NoCache()}
        self._config = {**config, "configurable": {**config.get("configurable", {}), **own}}
        self._more = {} if context is None else {"context": context}
        self._savers = _savers(graph)
        self._in_thread = False
        self._left = False

    @property
    def remembers(self) -> bool:
        """Whether the graph keeps what was said, so that it is told only what is new, and can be interrupted."""
        return _saver(self._graph) is not None

    async def open(self) -> None:
        """See how the graph's memory can be used.

        Raises:
            RequestError: Its checkpointer does not work at all.
        """
        saver = _saver(self._graph)
        if saver is None:
            return
        try:
            await self._delete(saver)
            self._in_thread = not await _is_async(saver, self._config)
        except NotImplementedError:
            self._savers = [other for other in self._savers if other is not saver]
            self._graph = self._graph.copy({"checkpointer": InMemorySaver()})
            self._in_thread = False
        except Exception as error:
            why = f"the graph's checkpointer, {type(saver).__name__}, does not work: {type(error).__name__}: {error}"
            raise RequestError(why) from error

    async def invoke(self, given: Any) -> Any:
        """The graph's output. A checkpointer without async methods is used in a thread."""
        if not self._in_thread:
            return await self._graph.ainvoke(given, self._config, **self._more)
        work = asyncio.ensure_future(in_thread(lambda: self._invoke(given)))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            self._left = True
            await asyncio.wait({work})  # a limit ends it at its next call; the harness does not wait for long
            raise

    def _invoke(self, given: Any) -> Any:
        try:
            return self._graph.invoke(given, self._config, **self._more)
        finally:
            if self._left:  # the trial may have been given up meanwhile, and nobody else deletes what this wrote
                self._graph.checkpointer.delete_thread(self.thread)

    async def close(self) -> None:
        """Delete what the trial wrote.

        Raises:
            RequestError: That failed; the message names the thread.
        """
        for saver in self._savers:
            try:
                await self._delete(saver)
            except Exception as error:
                raise RequestError(
                    f"what the trial wrote to {type(saver).__name__} under thread_id {self.thread} could not be "
                    f"deleted: {type(error).__name__}: {error}"
                ) from error

    async def _delete(self, saver: _Saver) -> None:
        try:
            await saver.adelete_thread(self.thread)
        except NotImplementedError:
            await in_thread(lambda: saver.delete_thread(self.thread))


class _NoCache(BaseCache[Any]):
    """Keeps nothing."""

    def get(self, keys: Sequence[FullKey]) -> dict[FullKey, Any]:
        del keys
        return {}

    async def aget(self, keys: Sequence[FullKey]) -> dict[FullKey, Any]:
        return self.get(keys)

    def set(self, pairs: Mapping[FullKey, tuple[Any, int | None]]) -> None:
        del pairs

    async def aset(self, pairs: Mapping[FullKey, tuple[Any, int | None]]) -> None:
        self.set(pairs)

    def clear(self, namespaces: Sequence[Namespace] | None = None) -> None:
        del namespaces

    async def aclear(self, namespaces: Sequence[Namespace] | None = None) -> None:
        self.clear(namespaces)


def _all(graph: Any) -> list[Any]:
    """The graph, and those that it is known to hold."""
    inner = getattr(graph, "get_subgraphs", None)
    return [graph, *(found for _, found in cast("Any", inner)(recurse=True))] if callable(inner) else [graph]


def _saver(graph: Any) -> _Saver | None:
    saver: Any = getattr(graph, "checkpointer", None)
    return cast("_Saver", saver) if isinstance(saver, BaseCheckpointSaver) else None


def _savers(graph: Any) -> list[_Saver]:
    """The checkpointers of a graph and of those inside it, each once."""
    found = [saver for one in _all(graph) if (saver := _saver(one)) is not None]
    return list({id(saver): saver for saver in found}.values())


async def _is_async(saver: _Saver, config: Mapping[str, Any]) -> bool:
    """Whether a checkpointer has async methods: a class may define them only to refuse."""
    try:
        await saver.aget_tuple(cast("Any", config))
    except NotImplementedError:
        return False
    return True
