"""The command line: parse, wire, print; no logic."""
