"""A trajectory in, its compressed text out, and back.

The text is the published JSON of the trajectory (`core.codec`). Where that is long, what was said stands in `content`
alone, where the spans have it too: messages, large results and sets of tools are references, and a step that is a
message has `said` in place of its role and parts. A short one is kept whole, because that reads fastest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from agenteval.core import codec
from agenteval.core.trajectory import Trajectory
from agenteval.store.content import digest_of
from agenteval.store.pack import Kept, pack, refers, squeeze, unpack, unsqueeze

LARGE = 256
"""Bytes from which a value is a content of its own: a smaller one costs more as a row than it saves."""

LONG = 65_536
"""Compressed bytes from which a trajectory refers to what was said in it."""

_LARGE_MESSAGE = 96  # a message is a content in any case; from this size on, a reference is smaller
_PART_VALUES = ("response", "arguments")
_SAID = "said"
_REFERENCE = re.compile(rb'\{"\$agenteval":\["c","([0-9a-f]{32})"\]\}')  # within a text, a quote would be escaped

Texts = dict[bytes, bytes]
"""Contents by their digest."""


def lighten(message: Mapping[str, Any]) -> tuple[bytes, Texts]:
    """A message as text, with references in place of its large values, and those values."""
    parts: object = message.get("parts")
    if not isinstance(parts, list):
        return pack(message), {}
    lighter = cast("list[Any]", parts)
    texts: Texts = {}
    refs = 0
    for position, part in enumerate(cast("list[Any]", parts)):
        for name in _PART_VALUES:
            data = large(part[name]) if isinstance(part, dict) and name in part else None
            if data is not None:
                digest = digest_of(data)
                texts[digest] = data
                lighter = lighter if refs else list(lighter)
                lighter[position] = {**lighter[position], name: Kept(digest.hex())}
                refs += 1
    return pack({**message, "parts": lighter} if refs else message, refs=refs), texts


def large(value: Any) -> bytes | None:
    """The text of a value that is large enough to be a content of its own."""
    if value is None or (isinstance(value, str) and len(value) < LARGE):
        return None
    data = pack(value)
    return data if len(data) >= LARGE else None


# --- out


def trajectory_text(trajectory: Trajectory) -> tuple[bytes, Texts]:
    """The compressed text of a trajectory, and the contents that it refers to."""
    data = codec.to_json(trajectory)
    whole = squeeze(pack(data))
    if len(whole) < LONG:
        return whole, {}
    lighter = _Lighter()
    for step in data["steps"]:
        lighter.step(step)
    data["tool_sets"] = [lighter.value(tools) for tools in data["tool_sets"]]
    return squeeze(pack(data, refs=lighter.refs), refers=True), lighter.texts


class _Lighter:
    """Takes contents out of the steps of one trajectory."""

    def __init__(self) -> None:
        self.texts: Texts = {}
        self.refs = 0

    def step(self, step: dict[str, Any]) -> None:
        """Put references into a step, in place."""
        if step["kind"] == "message":
            said = self.message({"role": step["role"], "parts": step["parts"]})
            if isinstance(said, Kept):
                del step["role"], step["parts"]
                step[_SAID] = said
        elif step["kind"] == "model_call":
            history = step["messages"]
            step["messages"] = {**history, "new": [self.message(message) for message in history["new"]]}
            step["output"] = [self.message(message) for message in step["output"]]
        elif step["kind"] == "tool_call":
            step["arguments"] = self.value(step["arguments"])
            step["result"] = self.value(step["result"])

    def message(self, message: dict[str, Any]) -> Kept | dict[str, Any]:
        data, texts = lighten(message)
        if len(data) < _LARGE_MESSAGE:
            return message
        self.texts.update(texts)
        return self._refer(data)

    def value(self, value: Any) -> Any:
        data = large(value)
        return value if data is None else self._refer(data)

    def _refer(self, data: bytes) -> Kept:
        digest = digest_of(data)
        self.texts[digest] = data
        self.refs += 1
        return Kept(digest.hex())


# --- back


def expanded(packed: Sequence[bytes], fetch: Callable[[set[bytes]], Mapping[bytes, bytes]]) -> list[bytes]:
    """Whole texts of trajectories, for `trajectory_from`: those that refer to contents with these in their place.

    Args:
        packed: What `trajectory_text` gave.
        fetch: Gives the contents of digests; raises where one is missing.
    """
    if not any(map(refers, packed)):
        return list(packed)
    found = [unsqueeze(text) if refers(text) else b"" for text in packed]
    texts: dict[bytes, bytes] = {}
    wanted = {digest for text in found for digest in _digests(text)}
    while wanted:  # a message may refer to what a tool answered, and that to nothing
        more = fetch(wanted)
        texts.update(more)
        wanted = {digest for text in more.values() for digest in _digests(text)} - texts.keys()
    return [_with(long, texts) if long else text for long, text in zip(found, packed, strict=True)]


def trajectory_from(text: bytes, start: object) -> Trajectory:
    """A trajectory from its whole text, compressed or not, with the world's state before."""
    data = unpack(unsqueeze(text))
    for step in data["steps"]:
        if _SAID in step and step["kind"] == "message":
            step.update(step.pop(_SAID))
    return codec.from_json(data, start=start)


def digests_in(packed: bytes) -> set[bytes]:
    """Digests of the contents that what `trajectory_text` gave refers to."""
    return _digests(unsqueeze(packed)) if refers(packed) else set()


def _digests(text: bytes) -> set[bytes]:
    return {bytes.fromhex(found.decode()) for found in _REFERENCE.findall(text)}


def _with(text: bytes, texts: Mapping[bytes, bytes]) -> bytes:
    """A text with contents in place of its references."""
    return _REFERENCE.sub(lambda found: _with(texts[bytes.fromhex(found[1].decode())], texts), text)
