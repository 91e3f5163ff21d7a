"""Langfuse's @observe around a loop by hand and its tools, with its drop-in OpenAI client; session and user are set."""
# packages: langfuse==5.0.4 openai==2.54.0

import os

os.environ |= {"LANGFUSE_PUBLIC_KEY": "pk-lf-none", "LANGFUSE_SECRET_KEY": "sk-lf-none"}
os.environ["LANGFUSE_HOST"] = os.environ["LANGFUSE_BASE_URL"] = os.environ["RECORDING_OTLP"]
from langfuse import get_client, observe, propagate_attributes
from langfuse.openai import OpenAI

from recording import bare_loop, library

client = OpenAI(max_retries=0)
history = [{"role": "system", "content": library.SYSTEM}]


def call(name, arguments):
    @observe(name=name, as_type="tool")
    def run(**kwargs):
        return bare_loop.call_tool(name, kwargs)

    return run(**arguments)


@observe(name="desk", as_type="agent")
def ask(words):
    with propagate_attributes(session_id=library.SESSION, user_id=library.USER):
        return bare_loop.turn(client, history, words, call)


for words in library.TURNS:
    ask(words)
get_client().flush()
get_client().shutdown()
