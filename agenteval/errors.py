"""Every error agenteval raises, sorted by what the catcher should do.

AgentEvalError
├── RequestError              the request is wrong: fix the command or the argument (exit code 2)
│   ├── ScenarioError         fix the scenario, suite or checks file; carries file and line
│   ├── CodeNotAllowed        a reference names code outside the project: pass --allow-code
│   ├── MissingExtra          install the extra that the message names
│   └── NotFound              no such run, trajectory, suite, agent, check or file
├── ImportRefused             a foreign file or a record of it cannot be read; carries file and place
├── WorldError                the simulated world broke: the trial is invalid, not the agent's failure
├── UserError                 the simulated user broke: the trial is invalid, not the agent's failure
│   └── UserDiverged          it said what it could not say: the trial is `diverged`, not the agent's failure
├── SandboxError              a sandbox cannot start or broke: the trial is invalid, not the agent's failure
├── ToolError                 a tool's own domain error: shown to the agent, which may recover
├── AgentError                the agent under test raised: the trial ends as `agent_error`
├── LimitReached              a limit of the trial was reached: the trial ends as `limit`
├── ResultError               a run did not come to what was required of it; carries the run's result
│   ├── RequirementNotMet     the agent passes less often than required; an AssertionError, too
│   ├── Inconclusive          too few trials to tell; an AssertionError, too
│   └── InvalidTrials         something other than the agent broke: mend it, nothing is concluded of the agent
├── ModelError                a model endpoint failed: the trial is invalid
│   ├── RateLimited           asked to slow down, and retries ran out
│   ├── ContextExceeded       the conversation outgrew the model's context: the trial ends as `limit`
│   ├── BadAnswer             the endpoint answered something that is not a completion
│   └── CassetteMiss          a recorded model was asked what was never recorded
└── StoreError                the trace store failed: nothing was half written
└── StoreTooNew           the store was written by a newer agenteval
"""

from __future__ import annotations

__all__ = [
    "AgentError",
    "AgentEvalError",
    "BadAnswer",
    "BudgetSpent",
    "CassetteMiss",
    "CodeNotAllowed",
    "ContextExceeded",
    "ImportRefused",
    "Inconclusive",
    "InvalidTrials",
    "LimitReached",
    "MissingExtra",
    "ModelError",
    "NotFound",
    "RateLimited",
    "RequestError",
    "RequirementNotMet",
    "ResultError",
    "SandboxError",
    "ScenarioError",
    "StoreError",
    "StoreTooNew",
    "ToolError",
    "UserDiverged",
    "UserError",
    "WorldError",
]


class AgentEvalError(Exception):
    """Root of every error that agenteval raises on purpose."""


class RequestError(AgentEvalError):
    """The request is wrong; nothing was run. The message says what is allowed."""


class ScenarioError(RequestError):
    """A scenario, suite or checks file is wrong.

    Args:
        message: What is wrong, what is allowed, and what to do.
        file: The file, as the user named it.
        line: One-based line in that file.
        path: Keys and indexes from the root of the document to what is wrong, from which a line can be found.
    """

    def __init__(
        self, message: str, *, file: str | None = None, line: int | None = None, path: tuple[str | int, ...] = ()
    ) -> None:
        """Keep file and line apart from the message, and show them in front of it."""
        self.message = message
        self.file = file
        self.line = line
        self.path = path
        where = ":".join(str(part) for part in (file, line) if part is not None)
        super().__init__(f"{where}: {message}" if where else message)


class CodeNotAllowed(RequestError):
    """A reference would run code from outside the project's folder without `--allow-code`."""


class MissingExtra(RequestError):
    """An optional dependency is not installed; the message names the extra."""


class NotFound(RequestError):
    """What was named does not exist; the message gives the nearest names."""


class ImportRefused(AgentEvalError):
    """A foreign file, or one record of it, cannot be read.

    Args:
        file: The file as named.
        where: The place in it: a record index, a zip member, a line, or `file`.
        why: What is wrong with it.
    """

    def __init__(self, file: str, where: str, why: str) -> None:
        """Keep the three facts apart, and show them in one line."""
        self.file = file
        self.where = where
        self.why = why
        super().__init__(f"{file}: {where}: {why}")


class WorldError(AgentEvalError):
    """The simulated world broke; the trial is invalid."""


class UserError(AgentEvalError):
    """The simulated user broke; the trial is invalid."""


class UserDiverged(UserError):
    """The simulated user left its part; the trial is `diverged`.

    Args:
        how: `leaked_intent`, `left_script` or `stopped_early`.
        what: What it said or did.
    """

    def __init__(self, how: str, what: str) -> None:
        """Keep the kind apart from what happened."""
        self.how = how
        self.what = what
        super().__init__(f"{how}: {what}")


class SandboxError(AgentEvalError):
    """A sandbox cannot start or broke; the trial is invalid. The failure of a command is a result, and none of this."""


class ToolError(AgentEvalError):
    """A domain error of a tool, such as an unknown order: the agent sees its message.

    Args:
        message: What the agent is told.
        code: A short stable name of the kind of error, such as `not_found`.
    """

    def __init__(self, message: str, *, code: str = "error") -> None:
        """Keep the stable code beside the message."""
        self.code = code
        super().__init__(message)


class AgentError(AgentEvalError):
    """The agent under test raised; the trial ends as `agent_error`."""


class LimitReached(AgentEvalError):
    """A limit of the trial was reached; the trial ends as `limit` and is still scored.

    Args:
        limit: Which one: `turns`, `calls`, `tokens`, `seconds` or `usd`.
        allowed: Its value.
        used: What had been used when it was reached.
    """

    def __init__(self, limit: str, allowed: float, used: float) -> None:
        """Name the limit with both figures."""
        self.limit = limit
        self.allowed = allowed
        self.used = used
        super().__init__(f"limit reached: {limit} {used:g} of {allowed:g}")


class BudgetSpent(AgentEvalError):
    """The run's budget is spent: the trial stops, is not counted, and is run again on `--resume`."""


class ResultError(AgentEvalError):
    """A run did not come to what was required of it.

    Args:
        message: What was found, and what was required.
        result: The run's result; None where it did not get that far.
        agents: Those of the run that it is about.
    """

    def __init__(self, message: str, *, result: object = None, agents: tuple[str, ...] = ()) -> None:
        """Keep the result for those who show what happened."""
        self.result = result
        self.agents = agents
        super().__init__(message)


class RequirementNotMet(ResultError, AssertionError):
    """The agent passes less often than was required."""


class Inconclusive(ResultError, AssertionError):
    """The trials that were counted do not tell whether the requirement is met."""


class InvalidTrials(ResultError):
    """Something other than the agent broke in some trials, so that nothing is concluded of it."""


class ModelError(AgentEvalError):
    """A model endpoint failed; the trial is invalid, never the agent's failure."""


class RateLimited(ModelError):
    """The endpoint asked to slow down, and the bounded retries ran out."""


class ContextExceeded(ModelError):
    """The conversation is longer than the model can read, and would be refused again.

    An agent may catch it, shorten what it sends, and go on. Where it does not, the trial ends as `limit` and is scored.
    """


class BadAnswer(ModelError):
    """The endpoint answered something that is not a completion."""


class CassetteMiss(ModelError):
    """A recorded model was asked a request that its cassette does not hold."""


class Undelivered(AgentEvalError):
    """What was to be sent could not be delivered, and trying again later may help."""


class StoreError(AgentEvalError):
    """The trace store failed; the transaction was rolled back."""


class StoreTooNew(StoreError):
    """The store was written by a newer agenteval; upgrade agenteval to read it."""
