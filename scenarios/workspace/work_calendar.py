"""Wishes about the calendar in, what is done and said about them out: one method for each kind of wish."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from . import reading
from .assistant import Manners, Stopped
from .reading import Wish
from .talk import Procedure, all_of

_MINE = "nadia.okoro@tidewell.example"


def _title(event: dict[str, Any]) -> str:
    return f"{event['title']} ({event['start'].replace('T', ' ')})"


class CalendarWork(Manners):
    """Wishes about the calendar."""

    # --- events

    def events(self, first: dt.date, last: dt.date, **given: Any) -> Procedure:
        """The events between two days."""
        return (yield from self.look("list_events", start=first.isoformat(), end=last.isoformat(), **given))

    def event(self, topic: str, first: dt.date, last: dt.date) -> Procedure:
        """The event that a title means."""
        found = yield from self.events(first, last, words=topic)
        exact = [event for event in found if event["title"].casefold() == topic.casefold()]  # a preview is no review
        return (yield from self.choose(exact or found, _title, f"the event {topic}"))

    def wish_accept(self, wish: Wish) -> Procedure:
        """Accept an invitation."""
        return (yield from self._respond(wish, "accepted"))

    def wish_decline(self, wish: Wish) -> Procedure:
        """Decline an invitation."""
        return (yield from self._respond(wish, "declined"))

    def _respond(self, wish: Wish, answer: str) -> Procedure:
        event = yield from self.event(wish["topic"], self.today, self.today + dt.timedelta(days=60))
        yield from self.do("respond_to_event", event=event["event"], answer=answer)
        when, room = event["start"].replace("T", " "), event["room"] or "no room"
        return f"{event['title']} is {answer}: {when} to {event['end'][-5:]}, {room}."

    def wish_create(self, wish: Wish) -> Procedure:
        """Book a fixed time."""
        people = (yield from self.persons(wish["who"])) if wish["who"] else []
        self.booking = (wish["title"][:1].upper() + wish["title"][1:], self.on(wish).isoformat(), people)
        return (yield from self._book(*self.booking, wish["start"], wish["end"]))

    def wish_instead(self, wish: Wish) -> Procedure:
        """Book what was spoken of at another time, if it is not booked."""
        if self.booking is None:
            raise Stopped("I do not know what is to be booked.")
        title, date, people = self.booking
        day = dt.date.fromisoformat(date)
        if (yield from self.events(day, day, words=title)):
            return f"{title} is in your calendar already."
        return (yield from self._book(title, date, people, wish["start"], wish["end"]))

    def _book(self, title: str, date: str, people: list[str], *times: str) -> Procedure:
        """Book something on a day from one time to another, with people."""
        start, end = map(reading.clock, times)
        first, last = f"{date}T{start}", f"{date}T{end}"
        day = dt.date.fromisoformat(date)
        there = yield from self.events(day, day)
        over = [event for event in there if first < event["end"] and event["start"] < last]
        more: dict[str, Any] = {"attendees": people} if people else {}
        if over:
            if not (yield from self.agree(f"{title} overlaps with {_title(over[0])}. I would book it all the same.")):
                raise Stopped("Then I leave it.")
            more["double_book"] = True
        yield from self.may_go_to(people, f"invite {', '.join(people)} to {title}")
        yield from self.do("create_event", title=title, start=first, end=last, **more)
        return f"{title}: {day:%A} {day.day} {day:%B}, {start} to {end}."

    def wish_book_free(self, wish: Wish) -> Procedure:
        """Book the first time at which all are free."""
        cards = yield from all_of(self.person(name) for name in self.each(reading.people(wish["who"])))
        people = [card["email"] for card in cards]
        title = re.search(r"[Cc]all it '([^']+)'", self.words)
        date, minutes = self.on(wish).isoformat(), int(wish["minutes"])
        given = {"people": people, "on": date, "minutes": minutes, **self._not_before(cards)}
        windows = yield from self.look("find_free_time", **given)
        if windows and not windows[0]["start"].startswith(date):  # an answer to another question
            windows = yield from self.look("find_free_time", **given)
        if not windows:
            raise Stopped("There is no time that day at which all are free.")
        start = dt.datetime.fromisoformat(windows[0]["start"])
        self.booking = (title[1] if title else "Meeting", date, people)
        end = start + dt.timedelta(minutes=minutes)
        return (yield from self._book(*self.booking, f"{start:%H:%M}", f"{end:%H:%M}"))

    def _not_before(self, cards: list[Any]) -> dict[str, str]:
        """The earliest time in the office where the wish names one of the other's place."""
        found = re.search(r"not before (\d{1,2})(?::(\d\d))? in the morning (?:her|his) time", self.words)
        if found is None or self.faults.takes_the_first:
            return {}
        offset = int((cards[0]["utc_offset"] or "+01:00")[:3])
        return {"earliest": f"{int(found[1]) - offset + 1:02}:{found[2] or '00'}"}

    def wish_invite(self, wish: Wish) -> Procedure:
        """Invite somebody to an event."""
        card = yield from self.person(wish["who"])
        first = self.on(wish) if wish["on"] else self.today
        last = first if wish["on"] else self.today + dt.timedelta(days=14)
        event = yield from self.event(wish["topic"], first, last)
        yield from self.may_go_to([card["email"]], f"invite {card['email']} to {_title(event)}")
        yield from self.do("invite_to_event", event=event["event"], people=[card["email"]])
        return f"{card['name']} is invited to {_title(event)}."

    def wish_move_event(self, wish: Wish) -> Procedure:
        """Move an event, or ask its organiser to."""
        event = yield from self._to_move(wish)
        date = self.on(wish, "to").isoformat() if wish["to"] else event["start"][:10]
        start = dt.datetime.fromisoformat(f"{date}T{reading.clock(wish['start'])}")
        length = dt.datetime.fromisoformat(event["end"]) - dt.datetime.fromisoformat(event["start"])
        first, last = f"{start:%Y-%m-%dT%H:%M}", f"{start + length:%Y-%m-%dT%H:%M}"
        if event["organiser"] != _MINE:
            return (yield from self._ask_organiser(event, first))
        room = yield from self._room(event, first, last)
        yield from self.do("move_event", event=event["event"], start=first, end=last, **room)
        said = f"{event['title']} is on {start:%A} {start.day} {start:%B} now, {first[-5:]} to {last[-5:]}"
        said = f"{said}, room {room['room']}." if room else f"{said}."
        if "agenda" not in self.words:
            return said
        full = yield from self.look("get_event", event=event["event"])
        yield from self.heed("event", event["event"], full["notes"])
        return f"{said} {full['notes'].partition(chr(10))[0]}"

    def _to_move(self, wish: Wish) -> Procedure:
        if wish["who"]:
            friday = self.today + dt.timedelta(days=(4 - self.today.weekday()) % 7)
            found = yield from self.events(self.today, friday, person=wish["who"])
            return (yield from self.choose(found, _title, f"your meeting with {wish['who']}"))
        date = self.on(wish, "on" if wish["on"] else "day")
        return (yield from self.event(wish["topic"] or wish["event"], date, date))

    def _room(self, event: dict[str, Any], start: str, end: str) -> Procedure:
        """Another room, where the wish allows for one and the old one is taken."""
        wanted = re.search(r"another one with (?:at least )?(\w+) seats", self.words)
        if wanted is None or event["room"] is None:
            return {}
        seats = reading.number(wanted[1]) or 1
        free = yield from self.look(
            "find_rooms", start=start, end=end, seats=1 if self.faults.forgets_the_last else seats
        )
        names = [room["room"] for room in free]
        if not names:
            raise Stopped("No room is free then.")
        return {} if event["room"] in names else {"room": names[-1]}

    def _ask_organiser(self, event: dict[str, Any], start: str) -> Procedure:
        if "ask that person by mail" not in self.words:
            raise Stopped(f"{event['title']} is organised by {event['organiser']}, so I cannot move it.")
        body = f"Could you please move {_title(event)} to {start[-5:]}? Nadia"
        yield from self.do("send_mail", to=[event["organiser"]], subject=event["title"], body=body)
        return f"{event['title']} is organised by {event['organiser']}, whom I have asked by mail to move it."

    def wish_cancel(self, wish: Wish) -> Procedure:
        """Cancel an event of this week."""
        friday = self.today + dt.timedelta(days=4 - self.today.weekday())
        event = yield from self.event(wish["topic"], self.today, friday)
        if not (yield from self.agree(f"I would cancel {_title(event)}, and nothing else.")):
            raise Stopped("Then it stays.")
        scope = {"scope": "series"} if self.faults.forgets_the_last and event["series"] else {}
        yield from self.do("cancel_event", event=event["event"], **scope)
        return f"{_title(event)} is cancelled."
