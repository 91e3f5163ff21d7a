"""agenteval measures AI agents by what they did."""

__version__ = "0.1.0"
