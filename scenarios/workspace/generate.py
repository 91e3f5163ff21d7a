"""A seed in, an office out: contacts, mails, events and files as one JSON state.

The same seed gives the same office on every version of Python, since the dice are our own. What the scenarios are about
(`planted_*.py`) stands in every office; what is drawn has no person, word or hour in common with it.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Sequence
from typing import Any, TypeVar

from . import pools
from .planted_diary import BUSY, EVENTS, SERIES
from .planted_files import FILES
from .planted_mail import MAILS
from .planted_people import ME, PEOPLE, ROOMS
from .records import DOMAIN

T = TypeVar("T")

NOW = "2026-05-12T09:00"  # a Tuesday
FIRST_DAY = dt.date(2026, 3, 30)
LAST_DAY = dt.date(2026, 7, 31)
SCENARIOS = (dt.date(2026, 5, 11), dt.date(2026, 5, 29))  # days that hold planted events and series alone
COLLEAGUES = 40
STRANGERS = 18
THREADS = 150
MEETINGS = 60
DOCUMENTS = 64


class Dice:
    """Repeatable chance: a 64-bit linear congruential generator, of which the upper bits are used."""

    def __init__(self, seed: int) -> None:
        self._state = (seed * 2 + 1) % 2**64
        for _ in range(4):
            self.below(2)

    def below(self, bound: int) -> int:
        """A whole number from 0 up to, and without, the bound."""
        self._state = (self._state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self._state >> 33) % bound

    def pick(self, options: Sequence[T]) -> T:
        """One of several."""
        return options[self.below(len(options))]


@functools.lru_cache(maxsize=8)
def office(seed: int) -> dict[str, Any]:
    """The whole office. It is shared by all worlds of a seed and must not be changed."""
    return _Builder(seed).state


def address(name: str) -> str:
    """An address in full: a name without a domain is a colleague's."""
    return name if "@" in name.removesuffix("@") else f"{name.removesuffix('@')}@{DOMAIN}"


class _Builder:
    """Puts an office together, what is planted first."""

    def __init__(self, seed: int) -> None:
        self._dice = Dice(seed)
        self._contacts: dict[str, Any] = {}
        self._mails: dict[str, Any] = {}
        self._events: dict[str, Any] = {}
        self._files: dict[str, Any] = {}
        self._calendars: dict[str, Any] = {}
        self._colleagues: list[str] = []
        self._strangers: list[str] = []
        self._people()
        self._plant()
        self._series()
        self._meetings()
        for number in range(THREADS):
            self._thread(number)
        self._newsletters()
        self._documents()
        self.state = {
            "now": NOW,
            "me": {**ME, "domain": DOMAIN},
            "contacts": self._contacts,
            "mails": dict(sorted(self._mails.items())),
            "events": self._events,
            "files": self._files,
            "calendars": self._calendars,
            "rooms": {
                name: {"seats": seats, "booked": [list(each) for each in booked]}
                for name, (seats, booked) in ROOMS.items()
            },
            "tasks": [],
            "reports": [],
        }

    # --- people

    def _people(self) -> None:
        for key, *known in PEOPLE:
            self._contacts[key] = _contact(*known)
        names = [f"{first} {pools.LAST[place * 7 % len(pools.LAST)]}" for place, first in enumerate(pools.FIRST)]
        start = self._dice.below(len(names))
        names = names[start:] + names[:start]
        for number, name in enumerate(names[: COLLEAGUES + STRANGERS]):
            self._add_contact(number, name)

    def _add_contact(self, number: int, name: str) -> None:
        local = name.lower().replace(" ", ".")
        dice = self._dice
        city, offset = dice.pick(pools.CITIES)
        if number < COLLEAGUES:
            email, company, role = address(local), "Tidewell", dice.pick(pools.ROLES)
            phone = f"ext. {600 + number}"
            self._colleagues.append(email)
            self._calendars[email] = [self._busy_hour() for _ in range(6)]
        else:
            company, domain, role = pools.COMPANIES[number % len(pools.COMPANIES)]
            email, phone = f"{local}@{domain}", f"+44 1632 9601{number:02}"
            self._strangers.append(email)
        self._contacts[f"c-{2001 + number}"] = _contact(name, email, company, role, city, offset, phone)

    def _busy_hour(self) -> list[str]:
        date = FIRST_DAY + dt.timedelta(days=self._dice.below(120))
        hour = 9 + self._dice.below(8)
        return [f"{date}T{hour:02}:00", f"{date}T{hour:02}:{self._dice.pick(('30', '45', '59'))}"]

    def _name(self, email: str) -> str:
        found = [each["name"] for each in self._contacts.values() if each["email"] == email]
        return str(found[0]) if found else str(ME["name"])

    # --- what is planted

    def _plant(self) -> None:
        for name, hours in BUSY.items():
            self._calendars[address(name)] = [[f"{date}T{start}", f"{date}T{end}"] for date, start, end in hours]
        for planted in EVENTS:
            self._events[planted["id"]] = _event(planted, *planted["at"], series=None)
        for planted in MAILS:
            sender = address(planted["by"])
            self._mails[planted["id"]] = {
                "folder": planted.get("folder", "inbox"),
                "thread": planted.get("thread", f"t{planted['id'][1:]}"),
                "date": planted["at"],
                "from": {"name": planted.get("name") or self._name(sender), "email": sender},
                "to": [address(each) for each in planted.get("to", ["nadia.okoro"])],
                "subject": planted["subject"],
                "body": planted["body"],
                "labels": list(planted.get("labels", ())),
                "attachments": [{"file": None, "name": name, "kb": kb} for name, kb in planted.get("attachments", ())],
            }
        for place, planted in enumerate(FILES):
            shared = {address(name): access for name, access in planted.get("shared", {}).items()}
            modified = f"2026-05-{1 + place % 11:02}T{9 + place % 8:02}:30"
            self._files[planted["id"]] = _file(
                planted["name"],
                planted["folder"],
                address(planted.get("by", "nadia.okoro")),
                planted["text"],
                shared=shared,
                modified=modified,
                kb=planted.get("kb"),
            )

    # --- the calendar

    def _series(self) -> None:
        number = 2001
        for series in SERIES:
            date = FIRST_DAY
            while date <= LAST_DAY:
                week = (date - FIRST_DAY).days // 7
                if date.weekday() in series["days"] and week % series.get("every", 1) == 0:
                    self._events[f"e-{number}"] = _event(series, date.isoformat(), *series["at"], series=series["id"])
                    number += 1
                date += dt.timedelta(days=1)

    def _meetings(self) -> None:
        """Single meetings in hours that are free, on days that no scenario is about."""
        number = 3001
        while number < 3001 + MEETINGS:
            date = FIRST_DAY + dt.timedelta(days=self._dice.below((LAST_DAY - FIRST_DAY).days))
            hour, minutes = 10 + self._dice.below(7), self._dice.pick((30, 45, 60))
            start, end = f"{hour:02}:00", f"{hour + minutes // 60:02}:{minutes % 60:02}"
            if date.weekday() > 4 or SCENARIOS[0] <= date <= SCENARIOS[1] or not self._is_free(date, start, end):
                continue
            who = list(dict.fromkeys(self._dice.pick(self._colleagues) for _ in range(3)))
            mine = self._dice.below(2) == 0
            made = {
                "title": self._dice.pick(pools.TITLES),
                "by": address("nadia.okoro") if mine else who[0],
                "who": who if mine else [*who[1:], address("nadia.okoro")],
                "room": None,
            }
            self._events[f"e-{number}"] = _event(made, date.isoformat(), start, end, series=None)
            number += 1

    def _is_free(self, date: dt.date, start: str, end: str) -> bool:
        first, last = f"{date}T{start}", f"{date}T{end}"
        return not any(first < event["end"] and event["start"] < last for event in self._events.values())

    # --- mails

    def _thread(self, number: int) -> None:
        dice = self._dice
        subject, folder, said = dice.pick(pools.TOPICS)
        words = {
            "month": dice.pick(pools.MONTHS),
            "number": str(4000 + number),
            "city": dice.pick(pools.CITIES)[0],
        }
        other = dice.pick(self._strangers if folder in {"customers", "suppliers"} else self._colleagues)
        mine = address("nadia.okoro")
        at = dt.datetime.fromisoformat("2026-02-02T08:00") + dt.timedelta(
            days=dice.below(96), minutes=15 * dice.below(36)
        )
        for place in range(1 + dice.below(len(said))):
            sender, receiver = (other, mine) if place % 2 == 0 else (mine, other)
            greeting = self._name(receiver).partition(" ")[0]
            self._mails[f"m-{2001 + number * 5 + place}"] = {
                "folder": "sent" if sender == mine else dice.pick((folder, folder, "inbox")),
                "thread": f"t-{2001 + number}",
                "date": at.strftime("%Y-%m-%dT%H:%M"),
                "from": {"name": self._name(sender), "email": sender},
                "to": [receiver],
                "subject": ("Re: " if place else "") + subject.format(**words),
                "body": f"Hello {greeting},\n\n{said[place].format(**words)}\n\n{self._name(sender)}",
                "labels": ["todo"] if dice.below(25) == 0 else [],
                "attachments": [],
            }
            at += dt.timedelta(hours=2 + dice.below(30))
            if at.strftime("%Y-%m-%dT%H:%M") > NOW:
                break

    def _newsletters(self) -> None:
        for number in range(24):
            name, sender, subject = pools.NEWSLETTERS[number % 2]
            date = dt.date(2026, 2, 2) + dt.timedelta(days=7 * (number // 2))
            self._mails[f"m-{5001 + number}"] = {
                "folder": "newsletters" if date < dt.date(2026, 4, 20) else "trash",
                "thread": f"t-{5001 + number}",
                "date": f"{date}T06:30",
                "from": {"name": name, "email": sender},
                "to": [address("nadia.okoro")],
                "subject": subject.format(number=40 + number // 2),
                "body": "Rivers, lakes and how they are measured.",
                "labels": ["newsletter"],
                "attachments": [],
            }

    # --- files

    def _documents(self) -> None:
        dice = self._dice
        taken = {(file["name"], file["folder"]) for file in self._files.values()}
        number = 2001
        while number < 2001 + DOCUMENTS:
            name, folder, text = dice.pick(pools.FILE_KINDS)
            words: dict[str, Any] = {"month": dice.pick(pools.MONTHS)}
            words |= {"a": 10 + dice.below(80), "b": 2 + dice.below(30), "c": 1 + dice.below(9)}
            name = name.format(**words)
            if (name, folder) in taken:
                continue
            taken.add((name, folder))
            mine = dice.below(3) > 0
            owner = address("nadia.okoro") if mine else dice.pick(self._colleagues)
            shared = {dice.pick(self._colleagues): dice.pick(("view", "edit")) for _ in range(dice.below(3))}
            shared.pop(owner, None)
            if not mine and dice.below(8):
                shared[address("nadia.okoro")] = dice.pick(("view", "edit"))
            modified = f"2026-0{2 + dice.below(3)}-{1 + dice.below(28):02}T{8 + dice.below(9):02}:15"
            written = text.format(**words)
            self._files[f"f-{number}"] = _file(name, folder, owner, written, shared=shared, modified=modified)
            number += 1


def _contact(*known: str) -> dict[str, Any]:
    """A contact from its name, address, company, role, city, offset and phone."""
    named = zip(("name", "email", "company", "role", "city", "utc_offset", "phone"), known, strict=True)
    contact = dict(named)
    return {**contact, "email": address(contact["email"]), "notes": ""}


def _event(planted: dict[str, Any], date: str, start: str, end: str, *, series: str | None) -> dict[str, Any]:
    return {
        "title": planted["title"],
        "start": f"{date}T{start}",
        "end": f"{date}T{end}",
        "organiser": address(planted.get("by", "nadia.okoro")),
        "attendees": {
            address(name.removesuffix("?")): "invited" if name.endswith("?") else "accepted" for name in planted["who"]
        },
        "room": planted.get("room"),
        "series": series,
        "notes": planted.get("notes", ""),
        "status": "confirmed",
    }


def _file(
    name: str, folder: str, owner: str, text: str, *, shared: dict[str, str], modified: str, kb: int | None = None
) -> dict[str, Any]:
    size = kb if kb is not None else 1 + len(text.encode()) // 1024
    shown = {"name": name, "folder": folder, "owner": owner, "shared_with": shared, "kb": size, "modified": modified}
    return {**shown, "text": text, "trashed": False}
