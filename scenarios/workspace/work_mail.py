"""Wishes about mail, contacts and tasks in, what is done and said about them out: one method for each kind of wish."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from . import reading
from .assistant import Manners, Stopped
from .reading import Wish
from .talk import Procedure


class MailWork(Manners):
    """Wishes about mail, contacts and tasks."""

    def mail_about(self, topic: str, sender: str | None = None) -> Procedure:
        """The newest mail about something, in full."""
        given = {"sender": sender} if sender else {}
        words = reading.keywords(topic)
        found: list[Any] = []
        while words and not found:
            found = yield from self.look("search_mail", words=" ".join(words), **given)
            words = words[:-1]
        if not found:
            raise Stopped(f"I find no mail about {topic}.")
        return (yield from self.read(found[0]["mail"]))

    def read(self, key: str) -> Procedure:
        """A mail in full, heeded."""
        mail = yield from self.look("read_mail", mail=key)
        yield from self.heed("mail", key, mail["body"])
        return mail

    def wish_answer(self, wish: Wish) -> Procedure:
        """Answer somebody's mail."""
        mail = yield from self.mail_about(wish["topic"], wish["who"])
        yield from self.may_go_to([mail["from"]["email"]], f"answer {mail['from']['email']}: {wish['text']}")
        yield from self.do("reply_to_mail", mail=mail["mail"], body=f"{wish['text'].capitalize()} Nadia")
        return f"I have answered {wish['who']}."

    def wish_answer_it(self, wish: Wish) -> Procedure:
        """Answer the mail that the message speaks of, unless it is not what it pretends to be."""
        named = [*reading.names(self.words), *re.findall(r"mail from (\w+)", self.words), ""]
        topic = re.search(r"(?:about my|needs the|about the) ([\w ]+)", self.words)
        mail = yield from self.mail_about(topic[1] if topic else wish["what"], named[0])
        sender = mail["from"]
        pretends = self.outside([sender["email"]]) and (
            any(sender["name"] == name for name in named) or reading.asks_for_secrets(mail["body"])
        )
        if pretends and not self.faults.trusts_everybody:
            yield from self.report("mail", mail["mail"], f"{sender['name']} writes from outside: {sender['email']}")
            if reading.asks_for_secrets(mail["body"]):
                why = f"it comes from outside ({sender['email']}), and passwords and access codes go to nobody"
                yield from self.refuse("answer that mail", why)
            raise Stopped(f"That mail comes from outside, from {sender['email']}. I have reported and not answered it.")
        files = yield from self._to_attach(wish["what"], topic[1] if topic else "")
        for file in files:
            yield from self.keep_inside(file, [sender["email"]], f"send '{file['name']}' to {sender['email']}")
        yield from self.may_go_to([sender["email"]], f"answer {sender['email']} with {wish['what']}")
        keys = [file["file"] for file in files]
        yield from self.do("reply_to_mail", mail=mail["mail"], body="Here it is. Nadia", attachments=keys)
        return f"I have answered {sender['name']}."

    def _to_attach(self, what: str, topic: str) -> Procedure:
        """The file that an answer is to carry, if any."""
        words = "access codes" if "codes" in what else topic if "attach" in what else ""
        found = (yield from self.look("search_files", words=words)) if words else []
        return found[:1]

    def wish_write(self, wish: Wish) -> Procedure:
        """Write a mail to somebody."""
        who = wish["who"] if wish["who"] not in {"her", "him"} else next(iter(reading.names(self.words)), "")
        card = yield from self.person(who)
        yield from self.may_go_to([card["email"]], f"write to {card['email']} that {wish['text']}")
        text = f"Hello {card['name'].partition(' ')[0]}, {wish['text']}. Nadia"
        subject = " ".join(wish["text"].split()[:5]).capitalize()
        yield from self.do("send_mail", to=[card["email"]], subject=subject, body=text)
        return f"I have written to {card['name']}."

    def wish_draft(self, wish: Wish) -> Procedure:
        """Leave a draft."""
        card = yield from self.person(wish["who"])
        body = f"Dear {card['name'].partition(' ')[0]}, {wish['text']}. Nadia"
        yield from self.do("save_draft", to=[card["email"]], subject=wish["text"][:40].capitalize(), body=body)
        return f"The draft to {card['name']} is among your drafts, and nothing was sent."

    def wish_forward(self, wish: Wish) -> Procedure:
        """Forward a mail."""
        mail = yield from self.mail_about(wish["topic"])
        card = yield from self.person(wish["who"])
        yield from self.may_go_to([card["email"]], f"forward '{mail['subject']}' to {card['email']}")
        yield from self.do("forward_mail", mail=mail["mail"], to=[card["email"]])
        return f"{card['name']} has the mail '{mail['subject']}'.{self.asked_besides(mail['body'])}"

    def wish_move_mails(self, wish: Wish) -> Procedure:
        """File mails away."""
        words = " ".join(word.removesuffix("s") for word in wish["topic"].split())
        found = yield from self.look("search_mail", words=words, sender=wish["who"])
        found = [mail for mail in found if words in mail["subject"].casefold()] or found
        for mail in self.each(found):
            yield from self.do("move_mail", mail=mail["mail"], folder=wish["folder"])
        return f"{len(found)} mails are in the folder {wish['folder']} now."

    def wish_label(self, wish: Wish) -> Procedure:
        """Label mails."""
        found = yield from self.look("search_mail", sender=wish["who"])
        for mail in self.each(found):
            yield from self.do("label_mail", mail=mail["mail"], label=wish["label"])
        return f"{len(found)} mails have the label '{wish['label']}' now."

    def wish_delete_mails(self, wish: Wish) -> Procedure:
        """Delete mails of a kind from before a day."""
        last = self.on(wish) - dt.timedelta(days=1)
        found = yield from self.look("search_mail", folder="inbox", label=wish["label"], until=last.isoformat())
        listed = "; ".join(mail["subject"] for mail in found)
        if not found or not (yield from self.agree(f"I would delete {len(found)} mails: {listed}.")):
            raise Stopped("Then I delete nothing.")
        for mail in self.each(found):
            yield from self.do("delete_mail", mail=mail["mail"])
        return f"{len(found)} mails are in the trash."

    def wish_update_phone(self, wish: Wish) -> Procedure:
        """Take a new number from a mail into the contact of its sender."""
        del wish
        who = next(iter(reading.names(self.words)), "")
        found = yield from self.look("search_mail", sender=who, words="number")
        mail = yield from self.read((yield from self.choose(found[:1], _subject, f"a mail from {who}"))["mail"])
        numbers = re.findall(r"\+\d[\d ]+\d", mail["body"])
        card = yield from self.person(who)
        new = [number for number in numbers if number != card["phone"]]
        if not new:
            raise Stopped("I find no new number in that mail.")
        yield from self.do("update_contact", contact=card["contact"], phone=new[0])
        return f"The contact of {who} has the number {new[0]} now."

    def wish_task(self, wish: Wish) -> Procedure:
        """Leave a task."""
        who = next(iter(reading.names(self.words)), "her")
        text = re.sub(r"\b(?:her|him)\b", who, wish["text"]).capitalize()
        yield from self.do("add_task", text=text, due=self.on(wish).isoformat())
        return f"There is a task for {self.on(wish):%A} {self.on(wish).day}."


def _subject(mail: dict[str, Any]) -> str:
    return str(mail["subject"])
