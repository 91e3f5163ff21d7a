"""CPU that a trial costs beyond the agent's own, with everything captured, stored and checked.

Yardstick: LangChain's `create_agent` loop (three tool calls, then an answer; no latency), compiled once, bare.
Ours: the same loop as an agent in the harness, its trial in SQLite, judged by five checks.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from agenteval import open_store, run_async
from bench._fixtures import Shelf, build, question, suite

ROUNDS = 7
TRIALS = 40


async def bare(graph: Any) -> float:
    """CPU milliseconds a loop, without us."""
    began = time.process_time()
    for _ in range(TRIALS):
        await graph.ainvoke(question())
    return (time.process_time() - began) / TRIALS * 1e3


async def ours(agent: Any, chosen: Any, folder: str, number: int) -> float:
    """CPU milliseconds a trial in the harness."""
    store = open_store(str(Path(folder) / f"{number}.db"))
    began = time.process_time()
    result = await run_async(chosen, agent, trials=TRIALS, store=store)
    spent = (time.process_time() - began) / TRIALS * 1e3
    statuses = {trial.status for trial, _ in result.outcomes}
    assert statuses == {"completed"}, statuses
    store.close()
    return spent


def plain_tools() -> list[Any]:
    """The same tools, answering by themselves."""
    from langchain_core.tools import StructuredTool

    shelf = Shelf()

    def tool(name: str) -> Any:
        async def call(n: int) -> Any:
            return await shelf.call(name, {"n": n})

        return StructuredTool.from_function(coroutine=call, name=name, description=name)

    return [tool("look"), tool("drop")]


async def idle(session: Any) -> None:
    """An agent that does nothing but answer."""
    await session.say("done")


async def measure() -> None:
    """Alternate, so that both see the same machine."""
    graph = build(plain_tools())
    chosen, empty = suite(), suite(checks=(), world=False)
    figures: dict[str, list[float]] = {"bare": [], "ours": [], "noop": []}
    with tempfile.TemporaryDirectory() as folder:
        await bare(graph)
        await ours(build, chosen, folder, 1000)
        for number in range(ROUNDS):
            figures["bare"].append(await bare(graph))
            figures["ours"].append(await ours(build, chosen, folder, number))
            figures["noop"].append(await ours(idle, empty, folder, 500 + number))
    medians = {name: statistics.median(values) for name, values in figures.items()}
    ratio = statistics.median(b / a for a, b in zip(figures["bare"], figures["ours"], strict=True))
    print(f"bare create_agent loop       {medians['bare']:7.2f} ms CPU")
    print(f"same loop in the harness     {medians['ours']:7.2f} ms CPU, captured, stored, checked")
    print(f"ratio                        {ratio:7.2f}   (at most 1.5)")
    print(f"no-op trial, function agent  {medians['noop']:7.2f} ms CPU   (aim: under 1 ms)")


def main() -> None:
    """Measure and print."""
    asyncio.run(measure())


if __name__ == "__main__":
    main()
