"""Spans and log records in, the same without secrets and personal data out; needs the extra `redact`."""

from agenteval.telemetry.redact.marks import ATTRIBUTE, holds_mark, wholly_redacted
from agenteval.telemetry.redact.redactor import KEY_VARIABLE, Redactor
from agenteval.telemetry.redact.rules import CustomRule, RedactRules

__all__ = ["ATTRIBUTE", "KEY_VARIABLE", "CustomRule", "RedactRules", "Redactor", "holds_mark", "wholly_redacted"]
