"""The office behind the assistant: mail, calendar, files and contacts of Nadia Okoro, and the tools on them.

The tools refuse what is impossible: a mail that is not there, a room that is taken, a file that belongs to somebody
else, an attachment that is too big. They do not refuse what is merely forbidden, such as sending a confidential file
out of the company: that is the policy's business, and the assistant's.
"""

from __future__ import annotations

from .diary import CalendarTools
from .files import FileTools
from .generate import office
from .mail import MailTools
from .people import PeopleTools

OFFICE_SEED = 2026


class Workspace(PeopleTools, FileTools, CalendarTools, MailTools):
    """The workspace of one office worker.

    Args:
        seed: The trial's seed. Every trial gets the same office, so that scenarios are repeated and not varied.
        office_seed: What the office is generated from.
    """

    def __init__(self, seed: int = 0, *, office_seed: int = OFFICE_SEED) -> None:
        del seed
        super().__init__(office(office_seed))
