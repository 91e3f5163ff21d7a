"""A model and a cassette in, a model that answers from the cassette, or writes to it, out."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from typing import Literal, TypeAlias

from agenteval._util.names import did_you_mean
from agenteval.core.model import Completion, ModelRequest
from agenteval.core.ports import Model
from agenteval.errors import CassetteMiss, NotFound, RequestError
from agenteval.models.cassette import Cassette
from agenteval.models.keys import Compact, compact, expanded, first_difference, likeness, request_json

Mode: TypeAlias = Literal["replay", "record", "auto"]

_MODES = ("replay", "record", "auto")


class RecordedModel:
    """A model whose calls are kept in a cassette.

    A call is found again by the hash of the whole request: model, endpoint, messages, tools, schema, sampling and extra
    fields. A request that differs anywhere is a miss that names what differs, never an answer to something else. The
    same request asked again gets the next answer that was recorded for it, in the order recorded; asked more often than
    it was recorded, it is a miss. Each model object counts for itself, from the first answer on. Answers come back
    whole: usage and cost are those of the recording, although a replay costs nothing.

    `replay` never calls the inner model. `record` always calls it, and what it records of a request replaces what the
    cassette held of that request before. `auto` replays what there is and records what there is not. Failures of the
    inner model are not recorded. No credential is kept: headers never come here, the endpoint has none, and extra
    fields named like one are blanked, in the key too.

    Args:
        inner: The model to ask; None to replay alone.
        cassette: The file; made when first written.
        mode: `replay`, `record` or `auto`.
        name: The model's name, where the cassette holds several and there is no inner model.
        endpoint: The base URL, likewise.

    Raises:
        NotFound: There is no such cassette to replay.
        RequestError: An unknown mode, no inner model where one is needed, or a file that is not a cassette.
    """

    def __init__(
        self,
        inner: Model | None,
        cassette: Path | str,
        mode: Mode = "replay",
        *,
        name: str | None = None,
        endpoint: str | None = None,
    ) -> None:
        path = Path(cassette)
        _refuse_wrong(inner, path, mode)
        self._inner = inner
        self._mode: Mode = mode
        self._cassette = Cassette.read(path)
        self._take = self._cassette.take + 1 if mode == "record" else max(self._cassette.take, 1)
        self._asked: Counter[str] = Counter()
        self._lock = threading.Lock()  # trials may share one model across event loops
        if inner is None:
            self._name, self._endpoint = _identity(self._cassette, name, endpoint)
        else:
            self._name = inner.name if name is None else name
            self._endpoint = str(getattr(inner, "endpoint", "")) if endpoint is None else endpoint

    @property
    def name(self) -> str:
        """The name of the model that answered, or would."""
        return self._name

    @property
    def endpoint(self) -> str:
        """The base URL that is part of each key; empty for models without one."""
        return self._endpoint

    @property
    def torn(self) -> str:
        """What was wrong with an unfinished last line of the cassette; empty where it is whole."""
        return self._cassette.torn

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._name!r}, {str(self._cassette.path)!r}, mode={self._mode!r})"

    async def complete(self, request: ModelRequest) -> Completion:
        """Answer one request, from the cassette or from the inner model.

        Raises:
            CassetteMiss: The cassette does not hold it, or not that often, and the mode is `replay`.
            ModelError: The inner model failed, or the call cannot be recorded.
        """
        short = compact(request_json(request, model=self._name, endpoint=self._endpoint))
        with self._lock:
            count = self._asked[short.key]
            self._asked[short.key] += 1
            held = () if self._mode == "record" else tuple(self._cassette.calls.get(short.key, ()))
        if count < len(held):
            return held[count].answer
        if self._mode == "replay" or self._inner is None:
            raise CassetteMiss(self._miss(short, held_times=len(held)))
        completion = await self._inner.complete(request)
        take = held[0].take if held else self._take
        with self._lock:
            self._cassette.append(short, completion, take=take)
        return completion

    async def aclose(self) -> None:
        """Close the inner model, where it can be closed."""
        close = getattr(self._inner, "aclose", None)
        if close is not None:
            await close()

    def _miss(self, short: Compact, *, held_times: int) -> str:
        where = self._cassette.path
        torn = f" ({self.torn})" if self.torn else ""
        again = 'Record it with mode "record" or "auto".'
        if held_times:
            return f"{where} holds this request {_counted(held_times, 'time')} and it is asked once more{torn}. {again}"
        calls = [call for same in self._cassette.calls.values() for call in same]
        if not calls:
            return f"{where} holds no recorded call{torn}. {again}"
        nearest = max(calls, key=lambda call: likeness(call.request, short.request))
        differs = first_difference(
            expanded(nearest.request, self._cassette.values), expanded(short.request, short.values)
        )
        return (
            f"{where} does not hold this request among its {_counted(len(calls), 'call')}{torn}. The nearest, on line "
            f"{nearest.line}, differs first at {differs}. {again}"
        )


def _counted(number: int, name: str) -> str:
    return f"{number} {name}" if number == 1 else f"{number} {name}s"


def _refuse_wrong(inner: Model | None, path: Path, mode: str) -> None:
    if mode not in _MODES:
        raise RequestError(f'unknown cassette mode "{mode}". {did_you_mean(mode, _MODES)}')
    if inner is None and mode != "replay":
        raise RequestError(f'cassette mode "{mode}" needs a model to record; without one there is "replay" alone')
    if mode == "replay" and not path.exists():
        raise NotFound(f'there is no cassette {path} to replay: record it first with mode "record"')


def _identity(cassette: Cassette, name: str | None, endpoint: str | None) -> tuple[str, str]:
    """The one model and endpoint that a cassette holds answers of, as far as they were not given."""
    held = {(call.request["model"], call.request["endpoint"]) for same in cassette.calls.values() for call in same}
    fitting = sorted(pair for pair in held if name in {None, pair[0]} and endpoint in {None, pair[1]})
    if len(fitting) > 1:
        shown = ", ".join(f"{model} at {place or 'no endpoint'}" for model, place in fitting)
        raise RequestError(f"{cassette.path} holds answers of {shown}: say which with name= and endpoint=")
    if not fitting:
        return name or "recorded", endpoint or ""
    return fitting[0]
