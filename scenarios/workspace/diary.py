"""The calendar: listing, free times and rooms, making, moving and cancelling events, inviting and answering."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import Field

from agenteval.world import ToolError, tool

from .records import (
    Address,
    Addresses,
    Day,
    Moment,
    Records,
    Title,
    day,
    has_words,
    is_internal,
    moment,
    span,
    written,
)

_MOST_DAYS = 62
_CLOCK = r"^([01]\d|2[0-3]):[0-5]\d$"

Event = Annotated[str, Field(description="Id of the event, such as e-1002")]
Clock = Annotated[str, Field(pattern=_CLOCK, description="Time of day, such as 09:00")]
DoubleBook = Annotated[bool, Field(description="Book although it overlaps with another event of the user")]
Span = tuple[str, str]


class CalendarTools(Records):
    """The tools on `events`, with `calendars` (what else keeps colleagues busy) and `rooms`."""

    # --- looking

    @tool
    def list_events(
        self,
        start: Day,
        end: Day,
        words: Annotated[str | None, Field(description="Words of the title")] = None,
        person: Annotated[str | None, Field(description="Part of a participant's name or address")] = None,
    ) -> Any:
        """The events of the user from one day to another, both included, by time. Cancelled ones are left out."""
        first, last = day(start), day(end)
        if not 0 <= (last - first).days <= _MOST_DAYS:
            raise ToolError(f"give a span of up to {_MOST_DAYS} days, the first day first", code="invalid_arguments")
        found = [
            key
            for key, event in self._all["events"].items()
            if event["status"] == "confirmed"
            and first.isoformat() <= event["start"] < f"{last.isoformat()}T99"
            and (words is None or has_words(words, event["title"]))
            and (person is None or any(has_words(person, self._name(each), each) for each in _people(event)))
        ]
        return [self._short(key) for key in sorted(found, key=lambda key: (self._all["events"][key]["start"], key))]

    @tool
    def get_event(self, event: Event) -> Any:
        """An event in full: time, room, organiser, participants with their answers, series and notes."""
        return {"event": event, **self._record("events", event, "event").json()}

    @tool
    def find_free_time(
        self,
        people: Annotated[list[Address], Field(description="Colleagues besides the user; may be empty")],
        on: Day,
        minutes: Annotated[int, Field(ge=5, le=600)],
        earliest: Clock = "09:00",
        latest: Clock = "17:30",
    ) -> Any:
        """When the user and all these colleagues are free on a day, for so many minutes at least; in office time."""
        addresses = self._addresses(people)
        strangers = [each for each in addresses if not is_internal(each)]
        if strangers:
            raise ToolError(f"the calendar of {', '.join(strangers)} is not visible from here", code="permission")
        date = day(on).isoformat()
        busy = sorted({each for person in (self._me, *addresses) for each in self._busy(person)})
        windows = _free(f"{date}T{earliest}", f"{date}T{latest}", busy)
        return [
            {"start": start, "end": end}
            for start, end in windows
            if (moment(end) - moment(start)) >= dt.timedelta(minutes=minutes)
        ]

    @tool
    def find_rooms(self, start: Moment, end: Moment, seats: Annotated[int, Field(ge=1)] = 1) -> Any:
        """Rooms with enough seats that are free all that time."""
        wanted = span(start, end)
        return [
            {"room": name, "seats": room["seats"]}
            for name, room in self._all["rooms"].items()
            if room["seats"] >= seats and not any(_overlap(wanted, taken) for _, taken in self._taken(name))
        ]

    # --- changing

    @tool
    def create_event(
        self,
        *,
        title: Title,
        start: Moment,
        end: Moment,
        attendees: list[Address] | None = None,
        room: str | None = None,
        notes: str = "",
        double_book: DoubleBook = False,
    ) -> Any:
        """Put an event into the user's calendar. Whoever is invited gets the invitation at once."""
        first, last = span(start, end)
        invited = [each for each in self._addresses(attendees or []) if each != self._me]
        self._demand_free((first, last), double_book=double_book)
        self._demand_room(room, (first, last))
        key = self._new_key("events", "e")
        self.data["events"][key] = {
            "title": title,
            "start": first,
            "end": last,
            "organiser": self._me,
            "attendees": dict.fromkeys(invited, "invited"),
            "room": room,
            "series": None,
            "notes": notes,
            "status": "confirmed",
        }
        return self._short(key)

    @tool
    def move_event(
        self,
        event: Event,
        start: Moment,
        end: Moment,
        *,
        room: Annotated[str | None, Field(description="Another room; the same one unless given")] = None,
        double_book: DoubleBook = False,
    ) -> Any:
        """Move an event that the user organises to another time; of a series, this one event. Participants are told."""
        record = self._mine(event)
        first, last = span(start, end)
        self._demand_free((first, last), double_book=double_book, but=event)
        self._demand_room(room or record["room"], (first, last), but=event)
        record["start"], record["end"] = first, last
        if room is not None:
            record["room"] = room
        return self._short(event)

    @tool
    def cancel_event(
        self,
        event: Event,
        scope: Annotated[
            Literal["this", "following", "series"], Field(description="Of a series: this one, from this one on, or all")
        ] = "this",
        message: Annotated[str, Field(description="A word to the participants")] = "",
    ) -> Any:
        """Cancel an event that the user organises. Participants are told."""
        record = self._mine(event)
        if scope != "this" and record["series"] is None:
            raise ToolError(f"event {event} belongs to no series", code="invalid_arguments")
        cancelled = [
            key
            for key, other in self._all["events"].items()
            if key == event
            or (
                scope != "this"
                and other["series"] == record["series"]
                and other["status"] == "confirmed"
                and other["start"] >= (record["start"] if scope == "following" else self._now)
            )
        ]
        for key in cancelled:
            self.data["events"][key]["status"] = "cancelled"
        return {"cancelled": cancelled, "message": message}

    @tool
    def invite_to_event(self, event: Event, people: Addresses) -> Any:
        """Invite more people to an event that the user organises. They get the invitation at once."""
        record = self._mine(event)
        invited = self._addresses(people)
        there = [each for each in invited if each in _people(record)]
        if there:
            raise ToolError(f"{', '.join(there)} takes part in event {event} already", code="conflict")
        for each in invited:
            record["attendees"][each] = "invited"
        return self._short(event)

    @tool
    def respond_to_event(
        self,
        event: Event,
        answer: Literal["accepted", "tentative", "declined"],
        comment: Annotated[str, Field(description="A word to the organiser")] = "",
    ) -> Any:
        """Answer an invitation for the user. The organiser is told."""
        record = self._record("events", event, "event")
        if self._me not in record["attendees"]:
            raise ToolError(f"the user is not invited to event {event}", code="permission")
        _demand_alive(event, record)
        record["attendees"][self._me] = answer
        if comment:
            record.setdefault("answers", []).append({"from": self._me, "answer": answer, "comment": comment})
        return self._short(event)

    # --- parts

    def _short(self, key: str) -> dict[str, Any]:
        event = self._all["events"][key]
        shown = ("title", "start", "end", "room", "series", "organiser")
        people = [{"name": self._name(each), "email": each, "answer": how} for each, how in event["attendees"].items()]
        return {"event": key, **{name: event[name] for name in shown}, "attendees": people}

    def _mine(self, key: str) -> Any:
        """An event that the user may change. Raises ToolError."""
        record = self._record("events", key, "event")
        if record["organiser"] != self._me:
            whose = self._name(record["organiser"])
            raise ToolError(f"event {key} is organised by {whose}, who alone can change it", code="permission")
        _demand_alive(key, record)
        if record["start"] < self._now:
            raise ToolError(f"event {key} began on {record['start']}, which is past", code="past")
        return record

    def _busy(self, person: str) -> list[Span]:
        """When somebody has something to do: their events with the user, and what else is in their calendar."""
        own = [(start, end) for start, end in self._all["calendars"].get(person, [])]
        shared = [
            (event["start"], event["end"])
            for event in self._all["events"].values()
            if event["status"] == "confirmed"
            and (event["organiser"] == person or event["attendees"].get(person, "declined") != "declined")
        ]
        return [*own, *shared]

    def _demand_free(self, wanted: Span, *, double_book: bool, but: str | None = None) -> None:
        if double_book:
            return
        for key, event in self._all["events"].items():
            goes = event["organiser"] == self._me or event["attendees"].get(self._me, "declined") != "declined"
            if (
                key != but
                and event["status"] == "confirmed"
                and goes
                and _overlap(wanted, (event["start"], event["end"]))
            ):
                when = f"{event['start']} to {event['end'][-5:]}"
                raise ToolError(
                    f"overlaps with {key} {event['title']!r}, {when}; double_book books it all the same",
                    code="conflict",
                )

    def _demand_room(self, room: str | None, wanted: Span, but: str | None = None) -> None:
        if room is None:
            return
        if room not in self._all["rooms"]:
            raise ToolError(f"there is no room {room!r}; there are {', '.join(self._all['rooms'])}", code="not_found")
        for key, taken in self._taken(room):
            if (but is None or key != but) and _overlap(wanted, taken):
                raise ToolError(f"room {room} is taken from {taken[0]} to {taken[1][-5:]}", code="conflict")

    def _taken(self, room: str) -> list[tuple[str | None, Span]]:
        """When a room is in use, and by which event of the user's calendar if by one."""
        booked = [(None, (start, end)) for start, end in self._all["rooms"][room]["booked"]]
        events = [
            (key, (event["start"], event["end"]))
            for key, event in self._all["events"].items()
            if event["room"] == room and event["status"] == "confirmed"
        ]
        return [*booked, *events]


def _people(event: Any) -> list[str]:
    return [event["organiser"], *event["attendees"]]


def _demand_alive(key: str, record: Any) -> None:
    if record["status"] != "confirmed":
        raise ToolError(f"event {key} was cancelled", code="conflict")


def _overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _free(start: str, end: str, busy: list[Span]) -> list[Span]:
    """What is left of a stretch of time when busy times are taken out of it, in order."""
    free: list[Span] = []
    at = written(moment(start))
    for taken_from, taken_to in sorted(busy):
        if taken_to <= at or taken_from >= end:
            continue
        if taken_from > at:
            free.append((at, taken_from))
        at = taken_to
    return [*free, (at, end)] if at < end else free
