"""`says: V`: what the agent said to the one it works for.

`in: {message: last | any | all}` says which of its messages: the last by default; any; all of them, vacuously where it
said nothing. A message is what has the role `assistant` and says something: text, a refusal, or media; what a sub-agent
says to the agent that started it is not said to the user, and is looked at only where `in: {agent: …}` names it. Where
a whole record holds no such message, the text of model answers stands in for them.

A message whose text was cut fits where the part that is left is enough (`$text`); else that is undecided. So is a model
answer that was not recorded: it may have been a message.

With a gap: a later message may have been lost, so that only `any` can pass, and only `all` can fail.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from agenteval.checkers.logic import MAYBE, NO, YES, Tri
from agenteval.checkers.outcome import Outcome, inactive, undecided
from agenteval.checkers.patterns import remedied, why_missing
from agenteval.checkers.shape import is_object
from agenteval.checkers.show import clipped, flow, literal
from agenteval.checkers.values import Doubt, Matcher
from agenteval.checkers.view import Part, is_spoken, spoken, unclear
from agenteval.core.json import Json
from agenteval.core.message import Message
from agenteval.core.outcome import Verdict
from agenteval.core.trajectory import ModelCall, Step

Which = Literal["last", "any", "all"]


class Said(NamedTuple):
    """A message of the agent's, its text, and whether it may be someone else's."""

    step: Step
    text: str
    sure: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Says:
    """`says: V`.

    Attributes:
        value: What is said.
        which: In which messages.
    """

    value: Matcher
    which: Which = "last"

    @property
    def local(self) -> bool:
        """Which message is the last depends on the whole part."""
        return False

    def judge(self, part: Part) -> Outcome:
        """Ask the messages."""
        messages = list(itertools.islice(said(part), 1 if self.which == "last" else None))[::-1]
        answers = [(message, self._fits(message, part)) for message in messages]
        if self.which == "all":
            return self._all(answers, part)
        if self.which == "any":
            best = next((pair for pair in answers if pair[1] == YES), None)
            if best is not None:
                return self._outcome("pass", best[0], f"the agent said {self._what}")
        if part.lost or part.loose:
            return undecided(part.hazy or part.doubt(), said=f"{self._what} was not found for certain")
        if not answers:
            return Outcome(verdict="fail", code="not_said", reason=f"the agent said nothing; {self._what} was expected")
        return self._last(answers[-1], part) if self.which == "last" else self._any(answers, part)

    @property
    def _what(self) -> str:
        if is_object(self.value.spec) and "$text" in self.value.spec:
            return flow(self.value.spec["$text"], quote=True, limit=80)
        return flow(self.value.spec, quote=True, limit=80)

    def _last(self, answer: tuple[Said, Tri], part: Part) -> Outcome:
        message, found = answer
        if found == YES:
            return self._outcome("pass", message, f"the last message says {self._what}")
        if found == MAYBE:
            return self._open(message, part, f"the last message may say {self._what}")
        return self._outcome(
            "fail", message, f"the last message does not say {self._what}: {literal(message.text, 200)}"
        )

    def _any(self, answers: Sequence[tuple[Said, Tri]], part: Part) -> Outcome:
        for message, found in answers:
            if found == MAYBE:
                return self._open(message, part, f"a message may say {self._what}")
        message = answers[-1][0]
        reason = f"none of {len(answers)} messages says {self._what}; the last: {literal(message.text, 200)}"
        return self._outcome("fail", message, reason)

    def _all(self, answers: Sequence[tuple[Said, Tri]], part: Part) -> Outcome:
        for message, found in answers:
            if found == NO and message.sure and not part.loose:
                reason = f"a message does not say {self._what}: {literal(message.text, 200)}"
                return self._outcome("fail", message, reason)
        for message, found in answers:
            if found != YES:
                return self._open(message, part, f"a message may not say {self._what}")
        if part.lost or part.loose:
            return undecided(part.hazy or part.doubt(), said=f"every message that was seen says {self._what}")
        if not answers:
            return inactive("the agent said nothing")
        return self._outcome("pass", answers[-1][0], f"all of {len(answers)} messages say {self._what}")

    def _fits(self, message: Said, part: Part) -> Tri:
        found = self.value.test(message.text, part.view.slow)
        fields = unclear(message.step) if message.step.missing or message.step.truncated else {}
        if fields and not (found == YES and self.value.grows and not message.step.missing):
            return MAYBE
        # a message that may be a sub-agent's own counts for neither side
        return found if message.sure else min(found, MAYBE)

    def _open(self, message: Said, part: Part, text: str) -> Outcome:
        code, reason = self._doubt(message, part)
        return Outcome(verdict="unknown", code=code, reason=f"{text}, but {reason}", steps=(message.step.id,))

    def _doubt(self, message: Said, part: Part) -> Doubt:
        where = f"step {message.step.index}"
        if message.step.missing:
            reason = "; ".join(message.step.missing.values())[:200]
            return why_missing(reason), f"what was said at {where} was not recorded{remedied(reason)}"
        if message.step.truncated:
            return "cut", f"the message at {where} was cut when recorded; record it whole"
        return self.value.doubt(message.text, part.view.slow) or part.doubt()

    def _outcome(self, verdict: Verdict, message: Said, reason: str) -> Outcome:
        shown: dict[str, Json] = (
            {} if verdict == "pass" else {"expected": clipped(self.value.spec), "actual": clipped(message.text)}
        )
        hint = self.value.hint(message.text) if verdict == "fail" else ""
        if hint:
            shown["hint"] = hint
        return Outcome(
            verdict=verdict,
            code="held" if verdict == "pass" else "not_said",
            reason=f"{reason} ({hint})" if hint else reason,
            steps=(message.step.id,),
            evidence=shown,
        )


def said(part: Part) -> Iterator[Said]:
    """What the agent said in a part, the last first."""
    view = part.view
    runs = bool(view.trajectory.runs)
    for place in reversed(part.places):
        step = view.steps[place]
        content = step.content
        if not (part.chosen or view.at_top(step)):
            continue
        if isinstance(content, Message):
            if content.role == "assistant" and (is_spoken(content) or step.missing):
                sure = not (view.lost and runs and step.run is None)
                yield Said(step, spoken(content), sure)
        elif isinstance(content, ModelCall):
            if "output" in step.missing:
                yield Said(step, "", sure=True)
            elif not view.speaks and not view.lost:
                yield from _answer(step, content)


def _answer(step: Step, call: ModelCall) -> Iterator[Said]:
    text = "\n".join(spoken(message) for message in call.output)
    if text:
        yield Said(step, text, sure=True)
