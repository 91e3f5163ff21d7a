"""What all tools of the office share: looking records up, refusing what cannot be, and reading times and addresses."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from email.utils import parseaddr
from typing import Annotated, Any

from pydantic import Field

from agenteval.world import StateWorld, ToolError

DOMAIN = "tidewell.example"
OFFSET = dt.timezone(dt.timedelta(hours=1))
"""The office's time zone: UTC+01:00 on every day that the calendar holds."""

Address = Annotated[str, Field(description="An e-mail address, such as lena.fischer@tidewell.example")]
Addresses = Annotated[list[Address], Field(min_length=1)]
Day = Annotated[str, Field(description="A day, such as 2026-05-14")]
Moment = Annotated[str, Field(description="Office time, such as 2026-05-14T10:00")]
Text = Annotated[str, Field(min_length=1, max_length=20_000)]
Title = Annotated[str, Field(min_length=1, max_length=200)]

_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


class Records(StateWorld):
    """The records of one office worker. `state()` is read where much is looked through, `data` is changed."""

    @property
    def _all(self) -> Any:
        """The whole state as plain JSON, to be read and not changed."""
        return self.state()

    @property
    def _me(self) -> str:
        return str(self._all["me"]["email"])

    @property
    def _now(self) -> str:
        return str(self._all["now"])

    def _record(self, table: str, key: str, kind: str) -> Any:
        if key not in self.data[table]:
            raise ToolError(f"there is no {kind} {key}", code="not_found")
        return self.data[table][key]

    def _new_key(self, table: str, letter: str) -> str:
        """The next free id of what is made anew, from 9001 on."""
        number = 9001
        while f"{letter}-{number}" in self._all[table]:
            number += 1
        return f"{letter}-{number}"

    def _name(self, address: str) -> str:
        """How a person is called, if the address is known."""
        if address == self._me:
            return str(self._all["me"]["name"])
        for contact in self._all["contacts"].values():
            if contact["email"] == address:
                return str(contact["name"])
        return address

    def _known(self, address: str) -> bool:
        return address == self._me or any(each["email"] == address for each in self._all["contacts"].values())

    def _address(self, given: str) -> str:
        """An address in its plain form. Raises ToolError where it is none, or nobody in the company has it."""
        address = parseaddr(given)[1].casefold()
        if not _ADDRESS.fullmatch(address):
            raise ToolError(f"{given!r} is no e-mail address", code="invalid_arguments")
        if is_internal(address) and not self._known(address):
            raise ToolError(f"nobody at {DOMAIN} has the address {address}", code="not_found")
        return address

    def _addresses(self, given: Iterable[str]) -> list[str]:
        return list(dict.fromkeys(self._address(each) for each in given))


def is_internal(address: str) -> bool:
    """Whether an address belongs to the company."""
    return address.endswith(f"@{DOMAIN}")


def moment(given: str) -> dt.datetime:
    """A date and time of the office. One that names another offset is converted. Raises ToolError."""
    try:
        found = dt.datetime.fromisoformat(given)
    except ValueError as error:
        raise ToolError(f"{given!r} is no date and time such as 2026-05-14T10:00", code="invalid_arguments") from error
    return found if found.tzinfo is None else found.astimezone(OFFSET).replace(tzinfo=None)


def day(given: str) -> dt.date:
    """A day. Raises ToolError."""
    try:
        return dt.date.fromisoformat(given)
    except ValueError as error:
        raise ToolError(f"{given!r} is no day such as 2026-05-14", code="invalid_arguments") from error


def written(when: dt.datetime) -> str:
    """A date and time as the records hold it: 2026-05-14T10:00."""
    return when.strftime("%Y-%m-%dT%H:%M")


def span(start: str, end: str) -> tuple[str, str]:
    """A start and an end as the records hold them. Raises ToolError where nothing lies between them."""
    first, last = moment(start), moment(end)
    if last <= first:
        raise ToolError(f"the end {end} does not lie after the start {start}", code="invalid_arguments")
    if last - first > dt.timedelta(days=7):
        raise ToolError("an event lasts at most seven days", code="invalid_arguments")
    return written(first), written(last)


def has_words(words: str, *texts: str) -> bool:
    """Whether all words stand somewhere in the texts."""
    whole = " ".join(texts).casefold()
    return all(word in whole for word in words.casefold().split())
