"""Adapters from users' agents to the Agent protocol."""
