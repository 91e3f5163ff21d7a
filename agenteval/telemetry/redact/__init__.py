"""Spans and log records in, the same without secrets and personal data out; needs the extra `redact`."""
