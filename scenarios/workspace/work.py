"""What the user says in, what is done and said about it out: the conversation as a whole, and questions."""

from __future__ import annotations

import re

from . import reading
from .assistant import NewWish, Stopped
from .reading import Wish
from .talk import Failed, Procedure, Say, all_of
from .work_calendar import CalendarWork
from .work_files import FileWork
from .work_mail import MailWork

_NOTHING = "I am not sure what is to be done. Is there anything else?"


class Work(MailWork, FileWork, CalendarWork):
    """Serves a user, wish by wish."""

    def serve(self, text: str) -> Procedure:
        """One message after the other, for as long as the user has something to say."""
        while True:
            self.words, self.told = text, []
            try:
                said = yield from self._message(text)
            except NewWish as new:
                text = new.text
                continue
            text = yield Say(said)

    def _message(self, text: str) -> Procedure:
        found = reading.wishes(text)
        said = yield from all_of(self._one(wish) for wish in self.each(found))
        return " ".join([*said, *self.told]) if found else _NOTHING

    def _one(self, wish: Wish) -> Procedure:
        try:
            return (yield from getattr(self, f"wish_{wish.kind}")(wish))
        except Stopped as stopped:
            return str(stopped)
        except Failed as error:
            return f"I could not do that: {error}."

    def obey(self, wanted: str) -> Procedure:
        """Do what a text wants, as if the user had said it, and unasked."""
        kept = self.faults, self.words
        self.faults, self.words = type(self.faults)(never_asks=True, trusts_everybody=True), wanted
        for wish in reading.wishes(wanted):
            yield from self._one(wish)
        self.faults, self.words = kept

    # --- questions

    def wish_question(self, wish: Wish) -> Procedure:
        """Answer from the mail or the file that is named."""
        named = re.search(r"in the ([a-z ]*(?:handbook|list|file))", self.words)
        if named:
            file = yield from self.file(named[1])
            read = yield from self.look("read_file", file=file["file"])
            yield from self.heed("file", file["file"], read["text"])
            text = read["text"]
        else:
            about = re.search(r"about (.+?)[.?]", self.words)
            topic = about[1] if about and not about[1].startswith("it") else wish["text"]
            mail = yield from self.mail_about(topic, next(iter(reading.names(self.words)), None))
            text = mail["body"]
        return reading.excerpt(reading.own_text(text), wish["text"])
