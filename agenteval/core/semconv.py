"""Names of span attributes: the GenAI semantic conventions in their current form, and our own.

A trial or an import is one trace:

    root                     one span, `agenteval.*` attributes: whose trial it is, counts, end, states
    └── invoke_agent NAME    one turn: the new user messages in, what the agent said at its end out
        ├── chat MODEL       one model request: messages in, messages out, usage
        └── execute_tool T   one tool call: arguments, result or error, what it changed in the world
            └── sandbox OP   something done in the sandbox for it: a command, a file read or written

Messages, arguments and results may be structured values or JSON text; readers take both.

References:
    OpenTelemetry semantic conventions for generative AI (repository semantic-conventions-genai, autumn 2026).
"""

from __future__ import annotations

from typing import Final

# gen_ai.*
OPERATION: Final = "gen_ai.operation.name"
INVOKE_AGENT: Final = "invoke_agent"
CHAT: Final = "chat"
EXECUTE_TOOL: Final = "execute_tool"
AGENT_NAME: Final = "gen_ai.agent.name"
CONVERSATION_ID: Final = "gen_ai.conversation.id"
PROVIDER: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_ID: Final = "gen_ai.response.id"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"
TOOL_DEFINITIONS: Final = "gen_ai.tool.definitions"
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
TOOL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
TOOL_RESULT: Final = "gen_ai.tool.call.result"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
CACHED_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
CACHE_WRITE_TOKENS: Final = "gen_ai.usage.cache_write.input_tokens"
REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
ERROR_TYPE: Final = "error.type"

# agenteval.*, on the root unless said otherwise
SOURCE: Final = "agenteval.source"  # `harness`, or `import:<format>`
RUN_ID: Final = "agenteval.run.id"
SERVICE: Final = "agenteval.service"  # these five on trajectories of other producers' spans
DIALECTS: Final = "agenteval.dialects"
USER: Final = "agenteval.user"
VERSION: Final = "agenteval.version"
TENANT: Final = "agenteval.tenant"
SCENARIO: Final = "agenteval.scenario"
SCENARIO_HASH: Final = "agenteval.scenario.hash"
AGENT: Final = "agenteval.agent"
REPEAT: Final = "agenteval.repeat"
ATTEMPT: Final = "agenteval.attempt"
SEED: Final = "agenteval.seed"
SPANS_STARTED: Final = "agenteval.spans.started"  # the root included
SPANS_ENDED: Final = "agenteval.spans.ended"
STATUS: Final = "agenteval.trial.status"  # of an import, where the end's reason is the file's own word
END_REASON: Final = "agenteval.end.reason"
END_DETAIL: Final = "agenteval.end.detail"
START_STATE: Final = "agenteval.state.start"
END_STATE: Final = "agenteval.state.end"
STATE_CHANGES: Final = "agenteval.state.changes"  # on execute_tool: JSON Patch
FAULTS: Final = "agenteval.faults"  # the scenario's faults, each with `status`: injected, or not_exposed
FAULT: Final = "agenteval.fault"  # on execute_tool: the kind of the fault that was injected into it
OFFERED_TOOLS: Final = "agenteval.tools.offered"  # names of what the agent could call
COST_USD: Final = "agenteval.cost.usd"  # on chat
USER_SAID: Final = "agenteval.user.said"  # on simulate_user: what the model that plays the user answered
SANDBOX: Final = "agenteval.sandbox.isolation"  # on the root and on what was done in it: what isolates it
SANDBOX_OPERATION: Final = "agenteval.sandbox.operation"  # on `sandbox …`: exec, read or write
SANDBOX_COMMAND: Final = "agenteval.sandbox.command"
SANDBOX_PATH: Final = "agenteval.sandbox.path"
SANDBOX_BYTES: Final = "agenteval.sandbox.bytes"  # read or written
SANDBOX_EXIT_CODE: Final = "agenteval.sandbox.exit_code"
SANDBOX_SECONDS: Final = "agenteval.sandbox.seconds"
SANDBOX_TIMED_OUT: Final = "agenteval.sandbox.timed_out"
SANDBOX_OUT_OF_MEMORY: Final = "agenteval.sandbox.out_of_memory"
SANDBOX_STDOUT_BYTES: Final = "agenteval.sandbox.stdout_bytes"
SANDBOX_STDERR_BYTES: Final = "agenteval.sandbox.stderr_bytes"
REQUESTOR: Final = "agenteval.tool.requestor"  # on execute_tool: `user` where the simulated user called it
INTERRUPT: Final = (
    "agenteval.interrupt"  # on invoke_agent: {value, answer}: what the agent stopped at, and goes on with
)
HANDOFF: Final = "agenteval.handoff"  # on execute_tool: names of the agents that it handed over to
NO_STEP: Final = "agenteval.no_step"  # on any: why it makes no step of the trajectory
NOT_RECORDED: Final = "agenteval.not_recorded"  # on any: {field: reason} for what the sender is known not to have kept
SYNTHETIC_TIME: Final = "agenteval.time.synthetic"  # times keep the order only; durations mean nothing
IMPORT_FILE: Final = "agenteval.import.file"
IMPORT_SHA256: Final = "agenteval.import.sha256"
IMPORT_POSITION: Final = "agenteval.import.position"
IMPORT_RECORD: Final = "agenteval.import.record"  # the original record, as it was, where it is small enough
