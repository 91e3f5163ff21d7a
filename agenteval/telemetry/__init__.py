"""OpenTelemetry in and out: capture, assembly. Knows nothing of stores and checks."""
