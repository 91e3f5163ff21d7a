"""A tool-calling loop over the OpenAI SDK, as people write it by hand; used within the producers' environments."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from recording import library

Call = Callable[[str, dict[str, Any]], Any]


def call_tool(name: str, arguments: dict[str, Any]) -> Any:
    """Call a tool of the library; what it raises is its answer, as loops of this kind have it."""
    tool = next(tool for tool in library.TOOLS if tool.__name__ == name)
    try:
        return tool(**arguments)
    except RuntimeError as error:
        return f"ERROR: {type(error).__name__}: {error}"


def turn(client: Any, history: list[dict[str, Any]], words: str, call: Call = call_tool) -> str:
    """One turn: the user's words in, the model's last ones out; `history` grows."""
    history.append({"role": "user", "content": words})
    tools = [library.schema_of(tool) for tool in library.TOOLS]
    while True:
        answer = client.chat.completions.create(model="scripted-1", messages=history, tools=tools)
        message = answer.choices[0].message
        history.append(message.model_dump(exclude_none=True))
        if not message.tool_calls:
            return str(message.content)
        for request in message.tool_calls:
            result = call(request.function.name, json.loads(request.function.arguments))
            content = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
            history.append({"role": "tool", "tool_call_id": request.id, "content": content})
