"""`python -m agenteval` is `agenteval`."""

from agenteval.cli.main import main

main()
