"""Values and protocols. Pydantic and the standard library only; no I/O, no clock, no minted ids."""
