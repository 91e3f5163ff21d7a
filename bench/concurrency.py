"""200 trials of a function agent, each with 4 model calls of 200 ms, 100 at once: wall time against the ideal."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from agenteval import open_store, run_async
from agenteval.core.message import text_message
from agenteval.core.model import ModelRequest
from bench._fixtures import Slow, suite

TRIALS, AT_ONCE, CALLS, SECONDS = 200, 100, 4, 0.2


async def agent(session: Any) -> None:
    """Ask the model four times, then answer."""
    history = [text_message("user", session.opening)]
    for _ in range(CALLS):
        answer = await session.model.complete(ModelRequest(messages=tuple(history)))
        history += [answer.message, text_message("user", "go on")]
    await session.say("done")


async def measure() -> None:
    """Run once warm, then measure."""
    ideal = TRIALS / AT_ONCE * CALLS * SECONDS
    with tempfile.TemporaryDirectory() as folder:
        for number, trials in enumerate((20, TRIALS, TRIALS, TRIALS)):
            store = open_store(str(Path(folder) / f"{number}.db"))
            began = time.perf_counter()
            await run_async(suite(), agent, trials=trials, concurrency=AT_ONCE, model=Slow(SECONDS), store=store)
            wall = time.perf_counter() - began
            store.close()
            if trials == TRIALS:
                print(f"wall {wall:.2f} s, ideal {ideal:.2f} s, ratio {wall / ideal:.3f}   (at most 1.25)")


def main() -> None:
    """Measure and print."""
    asyncio.run(measure())


if __name__ == "__main__":
    main()
