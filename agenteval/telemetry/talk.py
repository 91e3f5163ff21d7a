"""Agents and model calls in, who said what to whom out: each thing said is one message, however often it is recorded.

Every model call repeats the conversation so far, and agents' spans repeat it again. A user's message is new where it
stands in a history more often than it was heard before; an answer is where the model gave it, and at the agent's end
only where no model call of that agent said the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from agenteval.core.message import Message, RefusalPart, TextPart, text_message
from agenteval.core.trajectory import ModelCall
from agenteval.telemetry.drafts import ENDED, HEARD, SAID, Draft
from agenteval.telemetry.forest import Node
from agenteval.telemetry.remembering import remembered

_FINAL_ANSWER = "final_answer"

_Said = tuple[str, str]
"""Whose words, and the words, however they are spaced."""


@dataclass(slots=True)
class _Scope:
    """What one conversation, the user's or a sub-agent's, has heard so far."""

    heard: dict[_Said, int] = field(default_factory=dict[_Said, int])
    in_trace: dict[_Said, int] = field(default_factory=dict[_Said, int])
    trace: str = ""
    told: bool = False
    answers: set[str] = field(default_factory=set[str])
    said: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    latest: Draft | None = None

    def follow(self, history: Sequence[Message], drafts: Sequence[Draft]) -> None:
        """Put what was heard behind the latest answer, where it stands in the history that what was heard ends.

        Clocks that tell milliseconds have the next turn begin before the answer ended.
        """
        latest = self.latest
        if not drafts or latest is None or not isinstance(latest.content, Message):
            return
        words = _key(latest.content)
        if any(message.role == "assistant" and _key(message) == words for message in history):
            for draft in drafts:
                draft.after.append(latest)

    def turn_to(self, trace: str) -> None:
        """Note that what follows is of another trace."""
        if trace != self.trace:
            self.trace, self.told = trace, False
            self.in_trace.clear()
            self.answers.clear()

    def hear(self, messages: Sequence[Message]) -> None:
        """Note what is heard for the first time, or once more."""
        for said in map(_key, messages):
            self.heard[said] = self.heard.get(said, 0) + 1
            self.in_trace[said] = self.in_trace.get(said, 0) + 1


def messages_of(agents: Sequence[Node], models: Sequence[Draft], scope_of: dict[int, str]) -> list[Draft]:
    """The messages of a conversation.

    Args:
        agents: Agents at work, by start time.
        models: Drafts of model calls.
        scope_of: Identity of a node to its scope.
    """
    scopes: dict[str, _Scope] = {}
    drafts: list[Draft] = []
    events: list[tuple[int, int, str, Node | Draft]] = [(node.start_ns, 0, node.span.span_id, node) for node in agents]
    events += [(draft.start_ns, 1, draft.id, draft) for draft in models]
    for *_, event in sorted(events, key=lambda event: event[:3]):
        node = event if isinstance(event, Node) else event.node
        name = scope_of[id(node)]
        scope = scopes.get(name) or scopes.setdefault(name, _Scope())
        scope.turn_to(node.span.trace_id)
        if isinstance(event, Node):
            drafts += _told(event, scope, name)
        else:
            drafts += _read(event, scope)
    for agent in sorted(agents, key=lambda node: (node.end_ns, -node.start_ns, node.span.span_id)):
        drafts += _answered(agent, scopes[scope_of[id(agent)]], scope_of[id(agent)])
    return drafts


@remembered
def spoken(message: Message) -> bool:
    """Whether a message says something, rather than only asking for tools or handing back their answers."""
    return any(isinstance(part, (TextPart, RefusalPart)) and part.text.strip() for part in message.parts)


@remembered
def _key(message: Message) -> _Said:
    words = "\n".join(part.text for part in message.parts if isinstance(part, (TextPart, RefusalPart)))
    return message.role, " ".join(words.split())


def _told(agent: Node, scope: _Scope, name: str) -> list[Draft]:
    """What an agent was told that its scope has not heard: what an outer agent was told already is no news."""
    if scope.told and agent.nearest("agent") is not None:
        return []
    history = any(message.role in {"assistant", "tool"} for message in agent.reading.heard)
    known = scope.heard if history or scope.told else {}
    new = _new([message for message in agent.reading.heard if message.role in {"user", "system"}], known)
    if any(message.role == "user" for message in agent.reading.heard):
        scope.told = True
    scope.hear(new)
    drafts = [
        _draft(agent, message, f".h{n}", at_ns=agent.start_ns, rank=HEARD, scope=name) for n, message in enumerate(new)
    ]
    scope.follow(agent.reading.heard, drafts)
    return drafts


def _new(messages: Sequence[Message], known: Mapping[_Said, int]) -> list[Message]:
    """The messages that stand here more often than they are known."""
    here: dict[_Said, int] = {}
    new: list[Message] = []
    for message in messages:
        if not spoken(message):
            continue
        key = _key(message)
        here[key] = here.get(key, 0) + 1
        if here[key] > known.get(key, 0):
            new.append(message)
    return new


def _read(draft: Draft, scope: _Scope) -> list[Draft]:
    """What a model call read that was not heard before, and what it said."""
    call = draft.content
    assert isinstance(call, ModelCall)  # noqa: S101 (narrows the type)
    reading = draft.node.reading
    known = scope.in_trace if reading.delta else scope.heard
    users = [message for message in _from_user(call, scope) if message.role == "user"]
    new = _new(users, known)
    scope.hear(new)
    node = draft.node
    drafts = [
        _draft(node, message, f".h{n}", at_ns=draft.start_ns, rank=HEARD, scope=draft.scope)
        for n, message in enumerate(new)
    ]
    scope.follow(call.messages, drafts)
    for heard in drafts:
        draft.after.append(heard)
    for number, message in enumerate(_said(call), start=1):
        said = _draft(node, message, f".{number}", at_ns=draft.end_ns, rank=SAID, scope=draft.scope)
        said.after.append(draft)
        scope.said.append((draft.start_ns, _key(message)[1]))
        if not call.requests:
            scope.answers.add(_key(message)[1])
        drafts.append(said)
        scope.latest = said
    return drafts


def _from_user(call: ModelCall, scope: _Scope) -> Sequence[Message]:
    """What may be the user's: where the agent's own span says what it was told, only what follows an answer of its.

    Before that, a framework's own prompts and the answers of tools stand in the user's place.
    """
    if not scope.told:
        return call.messages
    if not scope.answers:
        return ()
    answered = [
        number
        for number, message in enumerate(call.messages)
        if message.role == "assistant" and not message.requests and _key(message)[1] in scope.answers
    ]
    return call.messages[answered[-1] :] if answered else ()


def _said(call: ModelCall) -> list[Message]:
    """What a model call said, the argument of a pseudo tool that ends the work included."""
    said = [message for message in call.output if spoken(message)]
    for request in call.requests:
        if request.name == _FINAL_ANSWER and isinstance(request.arguments, dict):
            answers = [value for value in request.arguments.values() if isinstance(value, str) and value.strip()]
            said += [text_message("assistant", answer) for answer in answers[:1]]
    return said


def _answered(agent: Node, scope: _Scope, name: str) -> list[Draft]:
    drafts: list[Draft] = []
    for number, message in enumerate(agent.reading.said):
        words = _key(message)[1]
        since = [(at, text) for at, text in scope.said if at >= agent.start_ns]
        meanwhile = [text for at, text in since if at <= agent.end_ns]
        if not spoken(message) or any(text == words for _, text in since) or _strung_together(words, meanwhile):
            continue
        scope.said.append((agent.start_ns, words))
        drafts.append(_draft(agent, message, f".s{number}", at_ns=agent.end_ns, rank=ENDED, scope=name))
    return drafts


def _strung_together(words: str, said: Sequence[str]) -> bool:
    """Whether an answer is the last things that were said, one after the other: so some agents sum up their work."""
    left = "".join(words.split())
    for text in reversed(said):
        piece = "".join(text.split())
        if not left.endswith(piece):
            return False
        left = left.removesuffix(piece)
        if not left:
            return True
    return False


def _draft(node: Node, message: Message, suffix: str, *, at_ns: int, rank: int, scope: str) -> Draft:
    run = node if node.reading.kind == "agent" else node.nearest("agent")
    return Draft(
        id=node.span.span_id + suffix,
        content=message,
        start_ns=at_ns,
        end_ns=at_ns,
        rank=rank,
        node=node,
        run=None if run is None else run.span.span_id,
        scope=scope,
    )
