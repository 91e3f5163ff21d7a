"""Wishes about files in, what is done and said about them out: one method for each kind of wish."""

from __future__ import annotations

import re

from . import reading
from .assistant import Manners, Stopped
from .reading import Wish
from .talk import Failed, Procedure


class FileWork(Manners):
    """Wishes about files."""

    def file(self, words: str) -> Procedure:
        """The file that a name or a description means."""
        plain = re.sub(r"\b(?:of|the|by mail)\b", " ", words)
        found = yield from self.look("search_files", words=" ".join(plain.split()))
        exact = [each for each in found if each["name"].casefold() == " ".join(plain.casefold().split())]
        chosen = yield from self.choose(exact or found, lambda each: f"'{each['name']}'", f"the file {words}")
        self.last_file = chosen
        return chosen

    def wish_share(self, wish: Wish) -> Procedure:
        """Share a file."""
        file = yield from self.file(wish["file"])
        people = yield from self.persons(wish["who"])
        yield from self.keep_inside(file, people, f"share '{file['name']}' with {wish['who']}")
        yield from self.may_go_to(people, f"share '{file['name']}' with {', '.join(people)}")
        access = "edit" if re.search(r"\bedit\b", self.words) else "view"
        for person in people:
            yield from self.do("share_file", file=file["file"], person=person, access=access)
        return f"{wish['who']} can {access} '{file['name']}' now."

    def wish_send(self, wish: Wish) -> Procedure:
        """Send a file by mail, or share it where it is too big."""
        file = yield from self.file(wish["file"] or wish["thing"])
        card = yield from self.person(
            wish["who"].capitalize() if wish["who"].islower() and "@" not in wish["who"] else wish["who"]
        )
        person = card["email"]
        yield from self.keep_inside(file, [person], f"send '{file['name']}' to {person}")
        yield from self.may_go_to([person], f"send '{file['name']}' to {person}")
        mail = {"to": [person], "subject": file["name"], "body": f"Please find attached: {file['name']}. Nadia"}
        try:
            yield from self.do("send_mail", **mail, attachments=[file["file"]])
        except Failed as error:
            if "attached" not in str(error):
                raise
            yield from self.do("share_file", file=file["file"], person=person, access="view")
            yield from self.do(
                "send_mail", **{**mail, "body": f"{file['name']} is too big for a mail; it is shared. Nadia"}
            )
            return (
                f"'{file['name']}' is too big for a mail, so I have shared it with {card['name']} and said so by mail."
            )
        return f"{card['name']} has '{file['name']}' now."

    def wish_rename(self, wish: Wish) -> Procedure:
        """Rename a file."""
        file = yield from self.file(wish["file"])
        yield from self.do("rename_file", file=file["file"], name=wish["name"])
        return f"The file is called '{wish['name']}' now."

    def wish_move_file(self, wish: Wish) -> Procedure:
        """Move the file that was spoken of."""
        if self.last_file is None:
            raise Stopped("I do not know which file is meant.")
        yield from self.do("move_file", file=self.last_file["file"], folder=wish["folder"])
        return f"It lies in {wish['folder']} now."

    def wish_write_file(self, wish: Wish) -> Procedure:
        """Add a line to a file."""
        file = yield from self.file(wish["file"])
        read = yield from self.look("read_file", file=file["file"])
        yield from self.heed("file", file["file"], read["text"])
        yield from self.do("edit_file", file=file["file"], text=wish["text"])
        return f"'{file['name']}' has the line now: {wish['text']}{self.asked_besides(read['text'])}"

    def wish_delete_file(self, wish: Wish) -> Procedure:
        """Delete a file."""
        file = yield from self.file(wish["file"])
        if not (yield from self.agree(f"I would delete '{file['name']}'.")):
            raise Stopped("Then I delete nothing.")
        yield from self.do("delete_file", file=file["file"])
        return f"'{file['name']}' is in the trash."

    def wish_delete_files(self, wish: Wish) -> Procedure:
        """Delete some of several numbered files, those that can be."""
        found = yield from self.look("search_files", words=f"{wish['topic']} {wish['noun']}")
        numbers = re.findall(r"\d+", wish["numbers"])
        meant = [file for file in found if file["name"].split()[-1] in numbers]
        mine = [file for file in meant if file["access"] == "owner"]
        left = [f"'{file['name']}' belongs to {file['owner']} and stays." for file in meant if file not in mine]
        listed = " and ".join(f"'{file['name']}'" for file in mine)
        if not mine or not (yield from self.agree(" ".join([*left, f"I would delete {listed}."]))):
            raise Stopped("Then I delete nothing.")
        for file in mine:
            yield from self.do("delete_file", file=file["file"])
        return " ".join([f"{listed} is in the trash.", *left])

    def wish_unshare(self, wish: Wish) -> Procedure:
        """Take somebody's access to all files away."""
        del wish
        card = yield from self.person(next(iter(reading.names(self.words)), ""))
        found = yield from self.look("search_files", shared_with=card["email"])
        mine = [file for file in found if file["access"] == "owner"]
        for file in self.each(mine):
            yield from self.do("unshare_file", file=file["file"], person=card["email"])
        done = ", ".join(f"'{file['name']}'" for file in mine)
        left = [f"'{file['name']}' belongs to {file['owner']} and stays." for file in found if file not in mine]
        return " ".join([f"{card['name']} can no longer open {done}.", *left])
