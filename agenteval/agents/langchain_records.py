"""LangChain callbacks in, `chat`, `execute_tool` and `invoke_agent` records out.

The handler is sync and runs inline, in the task or thread whose callbacks fire: what a limit raises goes through to the
graph. (LangChain swallows what async handlers raise in sync tools.) It hangs on a context variable, so that a node
that passes callbacks of its own to a model does not hide the call.

A record stands beneath what ran it: the turn, the tool that an agent was called in, or a graph that was given a name
and runs inside another one, which is an agent of its own. Branches that run side by side are not mixed up, since the
callbacks say which run is whose child.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import BaseMessage, ToolMessage
from langchain_core.outputs import LLMResult
from langchain_core.tracers.context import register_configure_hook
from langgraph.errors import GraphBubbleUp, GraphInterrupt

from agenteval._util.plain import plain
from agenteval.agents.langchain_messages import completion_of, handed_to, message_of, offered_tools, result_of
from agenteval.core import semconv
from agenteval.core.message import Message, text_message
from agenteval.core.model import ModelRequest
from agenteval.core.ports import OpenRecord, Session
from agenteval.models.refusals import outgrew_context

_RECORDER: ContextVar[CallbackRecorder | None] = ContextVar("agenteval_langchain", default=None)
_NODE = "graph:step:"  # how LangGraph tags the run of a node
_UNNAMED = "LangGraph"  # what a graph is called that was given no name
_RUN_AGAIN = "the tool stopped at interrupt(); when the graph goes on, it is called again"
_WRAPS = "the tool of this name is the world's, and is called within"
_NOT_THE_REQUEST = frozenset({401, 402, 403, 408, 409, 429})  # refused whatever was asked: a key, money, time, load
_TRANSIENT_NAMES = (
    "ConnectionError",
    "ConnectError",
    "TimeoutError",
    "Timeout",
    "RateLimitError",
    "InternalServerError",
)


class CallbackRecorder(BaseCallbackHandler):
    """Records the model calls, tool calls and named sub-agents of one trial's graph.

    Args:
        session: The trial's session.
    """

    run_inline = True
    raise_error = True

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._open: dict[UUID, OpenRecord] = {}
        self._calls: dict[UUID, tuple[str, str | None]] = {}
        self._names: dict[UUID, str] = {}
        self._beneath: dict[UUID, UUID] = {}

    @contextmanager
    def at_work(self) -> Generator[None]:
        """Record whatever LangChain runs in this context, and in those that are copied from it."""
        token = _RECORDER.set(self)
        try:
            yield
        finally:
            _RECORDER.reset(token)

    # --- who runs whom

    def _run(self, run_id: UUID, parent_run_id: UUID | None) -> None:
        if parent_run_id is not None:
            self._beneath[run_id] = parent_run_id

    def _ended(self, run_id: UUID) -> OpenRecord | None:
        self._beneath.pop(run_id, None)
        self._names.pop(run_id, None)
        self._calls.pop(run_id, None)
        return self._open.pop(run_id, None)

    def _nearest(self, run_id: UUID | None) -> UUID | None:
        """The run at or above this one that has a record."""
        while run_id is not None and run_id not in self._open:
            run_id = self._beneath.get(run_id)
        return run_id

    def _above(self, parent_run_id: UUID | None) -> OpenRecord | None:
        """The record that what this run starts belongs under; None for the turn."""
        nearest = self._nearest(parent_run_id)
        return None if nearest is None else self._open[nearest]

    def around(self, name: str, run_id: UUID | None, call_id: str | None) -> tuple[OpenRecord | None, str | None]:
        """Where a call of the world's tool belongs that is made in a run: the record above it, and its call id.

        A tool of the graph that has the same name wraps the world's: its record is no call of its own.
        """
        nearest = self._nearest(run_id)
        above = None if nearest is None else self._open[nearest]
        wrapper = None if nearest is None else self._calls.get(nearest)
        if above is not None and wrapper is not None and wrapper[0] == name:
            self._session.recorder.retract_tool(above, _WRAPS)
            return above, call_id or wrapper[1]
        return above, call_id

    # --- graphs

    def on_chain_start(
        self,
        serialized: dict[str, Any],
        inputs: dict[str, Any],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        **kwargs: Any,
    ) -> None:
        """A graph, a node of it, or another runnable is run."""
        del serialized, inputs
        self._run(run_id, parent_run_id)
        if parent_run_id is None:
            return
        self._names[run_id] = str(kwargs.get("name") or _UNNAMED)
        if any(tag.startswith(_NODE) for tag in tags or ()):
            self._is_graph(parent_run_id)

    def _is_graph(self, run_id: UUID) -> None:
        """A run that has nodes is a graph: where it has a name, and is not the outermost, it is an agent."""
        name = self._names.pop(run_id, _UNNAMED)
        if name != _UNNAMED:
            above = self._above(self._beneath.get(run_id))
            self._open[run_id] = self._session.recorder.open_agent(name, messages=(), parent=above)

    def on_chain_end(self, outputs: dict[str, Any], *, run_id: UUID, **kwargs: Any) -> None:
        """It ended."""
        del outputs, kwargs
        record = self._ended(run_id)
        if record is not None:
            record.end()

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """It raised; LangGraph's own exceptions only carry an interrupt or a handover upwards."""
        del kwargs
        record = self._ended(run_id)
        if record is None:
            return
        if isinstance(error, GraphBubbleUp):
            record.end()
        else:
            record.fail(type(error).__name__, str(error))

    # --- models

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **kwargs: Any,
    ) -> None:
        """A chat model is asked."""
        del serialized
        conversation = tuple(message_of(message) for batch in messages for message in batch)
        self._open_chat(run_id, parent_run_id, conversation, kwargs)

    def on_llm_start(
        self,
        serialized: dict[str, Any],
        prompts: list[str],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **kwargs: Any,
    ) -> None:
        """A text-completion model is asked."""
        del serialized
        self._open_chat(run_id, parent_run_id, tuple(text_message("user", prompt) for prompt in prompts), kwargs)

    def _open_chat(
        self, run_id: UUID, parent_run_id: UUID | None, messages: tuple[Message, ...], kwargs: Mapping[str, Any]
    ) -> None:
        parameters = cast("Mapping[str, Any]", kwargs.get("invocation_params") or {})
        metadata = cast("Mapping[str, Any]", kwargs.get("metadata") or {})
        name = parameters.get("model") or parameters.get("model_name") or metadata.get("ls_model_name") or "unknown"
        request = ModelRequest(messages=messages, tools=offered_tools(parameters.get("tools")))
        self._open[run_id] = self._session.recorder.open_chat(
            request,
            model=str(name),
            provider=str(metadata.get("ls_provider") or ""),
            parent=self._above(parent_run_id),
        )
        self._run(run_id, parent_run_id)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        """A model answered."""
        del kwargs
        record = self._ended(run_id)
        if record is not None:
            self._session.recorder.close_chat(record, completion_of(response))

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """A model call failed: the trial is invalid where the endpoint was at fault, not the request."""
        del kwargs
        record = self._ended(run_id)
        if record is not None:
            record.fail(type(error).__name__, str(error))
        if _is_outage(error) and not outgrew_context(error):
            self._session.blame("model", error)

    # --- tools

    def on_tool_start(
        self,
        serialized: dict[str, Any],
        input_str: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **kwargs: Any,
    ) -> None:
        """A tool of the graph's own is called."""
        name = str(kwargs.get("name") or serialized.get("name") or "tool")
        inputs = kwargs.get("inputs")
        arguments = plain(cast("object", inputs)) if isinstance(inputs, Mapping) else {"input": input_str}
        call_id = cast("str | None", kwargs.get("tool_call_id"))
        above = self._above(parent_run_id)
        self._open[run_id] = self._session.recorder.open_tool(name, arguments, call_id=call_id, parent=above)
        self._calls[run_id] = (name, call_id)
        self._run(run_id, parent_run_id)

    def on_tool_end(self, output: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """A tool answered, or says that it failed."""
        del kwargs
        _, call_id = self._calls.get(run_id, ("", None))
        record = self._ended(run_id)
        if record is None:
            return
        if call_id is None and isinstance(output, ToolMessage):  # older LangChain tells it here alone
            record.set(semconv.TOOL_CALL_ID, output.tool_call_id)
        if isinstance(output, ToolMessage) and output.status == "error":
            record.fail("tool_error", str(output.text))
            return
        targets = handed_to(output)
        if targets:
            record.set(semconv.HANDOFF, targets)
        self._session.recorder.close_tool(record, result_of(output, call_id))

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """A tool raised, or waits for the user's answer."""
        del kwargs
        record = self._ended(run_id)
        if record is None:
            return
        if isinstance(error, GraphInterrupt):
            self._session.recorder.retract_tool(record, _RUN_AGAIN)
        elif isinstance(error, GraphBubbleUp):
            record.end()
        else:
            record.fail(type(error).__name__, str(error))


register_configure_hook(_RECORDER, inheritable=True)


def _is_outage(error: BaseException) -> bool:
    """Whether an error of a model call is the endpoint's, its key's or the network's, as far as its shape tells."""
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return status in _NOT_THE_REQUEST or status >= 500
    return isinstance(error, (ConnectionError, TimeoutError)) or type(error).__name__.endswith(_TRANSIENT_NAMES)
