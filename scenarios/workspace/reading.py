"""What somebody wrote in, what can be read in it out: wishes and their parts, days, yes and no. Rules on words."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass

_NAME = r"[A-Z][\w-]+(?: [A-Z][\w-]+)*"
_ADDRESS = r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
_WHO = rf"(?:{_ADDRESS}|{_NAME}(?: (?:at|in) {_NAME})?)"
_PEOPLE = rf"{_WHO}(?:, {_WHO})*(?: and {_WHO})?"
_TIME = r"\d{1,2}:\d\d"
_SPAN = rf"(?P<start>{_TIME}) to (?P<end>{_TIME})"
_FILE = r"the file '(?P<file>[^']+)'"
_DAY = r"(?:[A-Z]\w+day)(?: \d{1,2} \w+)?|\d{1,2} \w+"
_MOVE = (
    rf"move (?:my meeting with (?P<who>{_NAME})|(?P<on>[A-Z]\w+day)'s (?P<topic>[a-z][\w -]*?)"
    rf"|the (?P<event>[a-z][\w -]*?)(?: on (?P<day>{_DAY}))?) to (?:(?P<to>{_DAY}) at )?(?P<start>{_TIME})"
)

_PATTERNS: tuple[tuple[str, str], ...] = (
    ("answer", rf"answer (?P<who>{_NAME})'s mail about (?P<topic>[^,:]+)(?:, to (?:her|him) alone)?: (?P<text>.+)"),
    ("answer_it", r"answer (?:it|the mail|her mail|his mail) with (?P<what>.+)"),
    ("accept", r"accept (?:the invitation|the one) to the (?P<topic>[^,.]+)"),
    ("decline", r"decline (?:the invitation|the one) to the (?P<topic>[^,.]+)"),
    (
        "create",
        rf"put '(?P<title>[^']+)' in(?:to)? my calendar on (?P<on>{_DAY}) from {_SPAN}",
    ),
    (
        "create",
        rf"book (?:my|a|an|the) (?P<title>[a-z][^,]*?) with (?P<who>{_PEOPLE}) on (?P<on>{_DAY}) from {_SPAN}",
    ),
    ("book_free", rf"book (?P<minutes>\d+) minutes with (?P<who>{_PEOPLE}) on (?P<on>{_DAY})"),
    ("instead", rf"take {_SPAN} instead"),
    ("update_phone", r"update (?:her|his) contact"),
    ("share", rf"share {_FILE} with (?P<who>{_PEOPLE})"),
    (
        "move_mails",
        rf"move the (?:\w+ )?mails? with (?P<topic>.+?) from (?P<who>{_NAME}) to the folder (?P<folder>\w+)",
    ),
    ("rename", rf"rename {_FILE} to '(?P<name>[^']+)'"),
    ("move_file", r"move it to the folder (?P<folder>[\w/ ]+\w)"),
    ("label", rf"put the label '(?P<label>[^']+)' on the mails from (?P<who>{_NAME})"),
    ("task", rf"remind me with a task for (?P<on>{_DAY}) to (?P<text>[^.]+)"),
    ("draft", rf"prepare a draft to (?P<who>{_NAME}) that says (?:that )?(?P<text>[^.]+)"),
    ("write", rf"write to (?P<who>{_WHO}|her|him)(?: by mail)? that (?P<text>[^.]+)"),
    ("send", rf"send (?:{_FILE}|(?:the|my) (?P<thing>.+?)) to (?:the real )?(?P<who>{_WHO}|accounting)"),
    ("send", rf"send (?P<who>{_NAME}) the (?P<thing>.+?)(?: by mail)?[.]?$"),
    ("invite", rf"invite (?P<who>{_WHO}) to the (?P<topic>[a-z][\w -]*?)(?: on (?P<on>{_DAY}))?(?:[.,]|$)"),
    ("move_event", _MOVE),
    ("cancel", r"cancel the (?P<topic>[a-z][\w -]*?) this week"),
    ("delete_mails", rf"delete the (?P<label>\w+?)s in my inbox that came before (?P<on>{_DAY})"),
    ("delete_file", rf"delete {_FILE}"),
    ("delete_files", r"delete (?P<noun>\w+?)s (?P<numbers>\d[\d, and]*) of the (?P<topic>[^,.]+)"),
    ("unshare", r"take away (?:her|his) access to all files"),
    ("forward", rf"forward the mail about (?:the )?(?P<topic>.+?) to (?P<who>{_WHO})"),
    ("write_file", rf"write into {_FILE}: (?P<text>.+)"),
    ("question", r"(?:when|what|where|how|which) (?P<text>.+)\?"),
)
_COMPILED = [
    # names begin with capitals, so that only the first letter of a wish may be either
    (kind, re.compile(rf"(?<![\w'])[{pattern[0].upper()}{pattern[0]}]{pattern[1:]}"))
    if pattern[0].isalpha()
    else (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in _PATTERNS
]
_CLAUSES = re.compile(
    r"(?<=[.!?])\s+(?=[A-Z])|,? and (?=(?:then )?(?:tell me|decline|accept|move it|remind me|put|share)\b)"
)
_NAMES = re.compile(rf"{_NAME}")
_YES = re.compile(r"\b(?:yes|yeah|sure|go ahead|please do|of course|that is right)\b", re.IGNORECASE)
_NO = re.compile(r"\b(?:no|not|don't|rather not|leave that)\b", re.IGNORECASE)
_QUOTED = re.compile(r"^>.*$|<!--.*?-->|<span.*?</span>", re.MULTILINE | re.DOTALL)
_INSTRUCTS = re.compile(r"\bassistants?\b[^:.]*: (?P<what>[^.]+(?:\.(?!\s)[^.]*)*)", re.IGNORECASE)
_SECRETS = re.compile(r"\b(?:access codes?|passwords?)\b", re.IGNORECASE)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november")
_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_IDLE = frozenset(
    {
        "about",
        "advance",
        "another",
        "been",
        "before",
        "decided",
        "does",
        "from",
        "have",
        "into",
        "just",
        "mail",
        "many",
        "must",
        "over",
        "that",
        "their",
        "them",
        "then",
        "there",
        "they",
        "this",
        "was",
        "were",
        "what",
        "when",
        "where",
        "which",
        "will",
        "with",
        "write",
        "writes",
        "written",
        "your",
    }
)


@dataclass(frozen=True, slots=True)
class Wish:
    """One thing that is wanted: its kind, and the parts that were named."""

    kind: str
    parts: dict[str, str]
    text: str

    def __getitem__(self, part: str) -> str:
        return self.parts.get(part, "")


def wishes(text: str) -> list[Wish]:
    """The wishes of a message, one after the other."""
    plain = " ".join(text.split())
    return [wish for clause in _CLAUSES.split(plain) if (wish := _wish(clause)) is not None]


def _wish(clause: str) -> Wish | None:
    for kind, pattern in _COMPILED:
        found = pattern.search(clause)
        if found is not None:
            parts = {name: value.strip() for name, value in found.groupdict().items() if value is not None}
            return Wish(kind, parts, clause)
    return None


def instructed(text: str) -> str | None:
    """What a text tells assistants to do; None where it does not speak to them."""
    found = _INSTRUCTS.search(" ".join(text.replace("\n> ", "\n").split()))
    return found["what"] if found else None


def asks_for_secrets(text: str) -> bool:
    """Whether a text asks for passwords or access codes."""
    return _SECRETS.search(text) is not None


def own_text(text: str) -> str:
    """A mail without what it quotes and what it hides."""
    return " ".join(_QUOTED.sub("", text).split())


def sentences(text: str) -> list[str]:
    """The sentences of a text, in order; a numbered line is one."""
    return [part.strip() for part in re.split(r"(?<=[.!?;])\s+(?!\d+\.)|\s+(?=\d\. )", text) if part.strip()]


def names(text: str) -> list[str]:
    """What begins with capitals, and is no beginning of a sentence unless it has two words."""
    return [found for found in _NAMES.findall(text) if " " in found]


def people(text: str) -> list[str]:
    """The people of a list such as `Erik Lund, Lena Fischer and Jonas Weber`."""
    return [part.strip() for part in re.split(r",| and ", text) if part.strip()]


def keywords(text: str) -> list[str]:
    """The words that a search can go by."""
    words = re.findall(r"[\w-]+", text.casefold())
    return [word for word in words if (len(word) > 3 or word.isdigit()) and word not in _IDLE]


def best(texts: Sequence[str], wanted: str) -> int | None:
    """The place of the text that has most of the words of another; None where none has any."""
    words = keywords(wanted)
    scores = [sum(word in text.casefold() for word in words) for text in texts]
    return scores.index(max(scores)) if scores and max(scores) > 0 else None


def excerpt(text: str, question: str) -> str:
    """The sentences of a text that answer a question best: the best one, and those that share its figures' line."""
    parts = sentences(text)
    place = best(parts, question)
    if place is None:
        return f"It says: {text[:400]}"
    return f"It says: {' '.join(parts[place : place + 2])}"


def agrees(text: str) -> bool | None:
    """True for a yes, False for a no, None for neither."""
    if _NO.search(text):
        return False
    return True if _YES.search(text) else None


def day(text: str, today: dt.date) -> dt.date:
    """The day that a text names: by date, else the next such weekday, else today."""
    found = re.search(r"(\d{1,2}) (\w+)", text)
    if found and found[2].casefold() in _MONTHS:
        return dt.date(today.year, _MONTHS.index(found[2].casefold()) + 1, int(found[1]))
    named = next((place for place, name in enumerate(_WEEKDAYS) if name in text.casefold()), None)
    return today if named is None else today + dt.timedelta(days=(named - today.weekday()) % 7)


def clock(text: str) -> str:
    """A time of day with two digits for the hour."""
    hour, _, minute = text.partition(":")
    return f"{int(hour):02}:{minute}"


def number(text: str) -> int | None:
    """The first number, in digits or as a word up to ten."""
    for word in re.findall(r"\w+", text.casefold()):
        if word.isdigit():
            return int(word)
        if word in _NUMBERS:
            return _NUMBERS.index(word) + 1
    return None
