"""Mail: searching, reading, sending, answering, forwarding, filing and deleting."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from agenteval.world import ToolError, tool

from .records import Address, Addresses, Day, Records, Text, Title, day, has_words

FOLDERS = ("inbox", "sent", "drafts", "archive", "customers", "suppliers", "team", "newsletters", "spam", "trash")
MOST_ATTACHED_KB = 20_000
_MOST_FOUND = 20

Mail = Annotated[str, Field(description="Id of the mail, such as m-1003")]
Folder = Annotated[str, Field(description=f"One of {', '.join(FOLDERS)}")]
Attachments = Annotated[list[str], Field(description="Ids of files to attach, such as f-1002")]


class MailTools(Records):
    """The tools on `mails`."""

    @tool
    def search_mail(
        self,
        *,
        words: Annotated[str | None, Field(description="Words that stand in the subject, the text or a name")] = None,
        sender: Annotated[str | None, Field(description="Part of the sender's name or address")] = None,
        folder: Folder | None = None,
        label: str | None = None,
        since: Day | None = None,
        until: Day | None = None,
    ) -> Any:
        """Find mails that fit all that is given: the newest 20, without their texts. Trash and spam only if named."""
        if folder is not None:
            _demand_folder(folder)
        first = "" if since is None else day(since).isoformat()
        last = "9999" if until is None else f"{day(until).isoformat()}T99"
        found = [
            key
            for key, mail in self._all["mails"].items()
            if (mail["folder"] == folder if folder is not None else mail["folder"] not in {"trash", "spam"})
            and (label is None or label in mail["labels"])
            and first <= mail["date"] <= last
            and (sender is None or has_words(sender, mail["from"]["name"], mail["from"]["email"]))
            and (words is None or has_words(words, mail["subject"], mail["body"], mail["from"]["name"]))
        ]
        found.sort(key=lambda key: (self._all["mails"][key]["date"], key), reverse=True)
        return [self._summary(key) for key in found[:_MOST_FOUND]]

    @tool
    def read_mail(self, mail: Mail) -> Any:
        """A mail in full: sender, recipients, text with what it quotes, attachments; and the rest of its thread."""
        record = self._record("mails", mail, "mail").json()
        thread = [
            key for key, other in self._all["mails"].items() if other["thread"] == record["thread"] and key != mail
        ]
        return {"mail": mail, **record, "others_in_thread": thread}

    @tool
    def send_mail(self, to: Addresses, subject: Title, body: Text, attachments: Attachments | None = None) -> Any:
        """Send a new mail, with files attached if wanted (20 MB at most)."""
        return self._send(self._addresses(to), subject, body, self._attached(attachments or []))

    @tool
    def reply_to_mail(
        self,
        mail: Mail,
        body: Text,
        *,
        to_all: Annotated[bool, Field(description="Also to all who got the mail")] = False,
        attachments: Attachments | None = None,
    ) -> Any:
        """Answer a mail. The answer goes to its sender, or to the address that it names for answers."""
        record = self._record("mails", mail, "mail").json()
        sender = record.get("reply_to") or record["from"]["email"]
        to = record["to"] if sender == self._me else [sender, *(record["to"] if to_all else [])]
        to = [address for address in dict.fromkeys(to) if address != self._me]
        return self._send(to, _titled("Re: ", record), body, self._attached(attachments or []), record["thread"])

    @tool
    def forward_mail(
        self, mail: Mail, to: Addresses, note: Annotated[str, Field(description="Text above what is forwarded")] = ""
    ) -> Any:
        """Forward a mail with its whole text and its attachments."""
        record = self._record("mails", mail, "mail").json()
        origin = f"From: {record['from']['name']} <{record['from']['email']}>\nDate: {record['date']}"
        body = f"{note}\n\n---------- Forwarded ----------\n{origin}\n\n{record['body']}".strip()
        return self._send(self._addresses(to), _titled("Fwd: ", record), body, record["attachments"], record["thread"])

    @tool
    def save_draft(self, to: list[Address], subject: Title, body: Text) -> Any:
        """Keep a mail as a draft, without sending it."""
        key = self._new_key("mails", "d")
        self.data["mails"][key] = {**self._mail(self._addresses(to), subject, body, [], key), "folder": "drafts"}
        return {"mail": key, "folder": "drafts"}

    @tool
    def move_mail(self, mail: Mail, folder: Folder) -> Any:
        """Move a mail to another folder."""
        record = self._record("mails", mail, "mail")
        _demand_folder(folder)
        record["folder"] = folder
        return {"mail": mail, "folder": folder}

    @tool
    def label_mail(self, mail: Mail, label: Title, *, remove: bool = False) -> Any:
        """Put a label on a mail, or take it off."""
        labels = self._record("mails", mail, "mail")["labels"]
        if remove and label not in labels:
            raise ToolError(f"mail {mail} has no label {label!r}", code="not_found")
        if remove:
            labels.remove(label)
        elif label not in labels:
            labels.append(label)
        return {"mail": mail, "labels": labels}

    @tool
    def delete_mail(self, mail: Mail) -> Any:
        """Delete a mail: it goes to the trash; from there it is deleted for good."""
        record = self._record("mails", mail, "mail")
        if record["folder"] == "trash":
            del self.data["mails"][mail]
            return {"mail": mail, "deleted": "for good"}
        record["folder"] = "trash"
        return {"mail": mail, "folder": "trash"}

    # --- parts

    def _summary(self, key: str) -> dict[str, Any]:
        mail = self._all["mails"][key]
        shown = ("thread", "folder", "date", "from", "to", "subject", "labels")
        return {"mail": key, **{name: mail[name] for name in shown}, "attachments": len(mail["attachments"])}

    def _attached(self, files: list[str]) -> list[dict[str, Any]]:
        """What is attached of these files. Raises ToolError where one cannot be read, or they are too big."""
        attached: list[dict[str, Any]] = []
        for key in files:
            record = self._all["files"].get(key)
            if record is None or record["trashed"]:
                raise ToolError(f"there is no file {key}", code="not_found")
            if self._me != record["owner"] and self._me not in record["shared_with"]:
                raise ToolError(f"you have no access to file {key}", code="permission")
            attached.append({"file": key, "name": record["name"], "kb": record["kb"]})
        total = sum(each["kb"] for each in attached)
        if total > MOST_ATTACHED_KB:
            raise ToolError(f"{total:,} KB attached; a mail takes at most {MOST_ATTACHED_KB:,} KB", code="quota")
        return attached

    def _mail(self, to: list[str], subject: str, body: str, attached: list[Any], thread: str) -> dict[str, Any]:
        me = {"name": self._all["me"]["name"], "email": self._me}
        head = {"folder": "sent", "thread": thread, "date": self._now, "from": me, "to": to, "subject": subject}
        return {**head, "body": body, "labels": [], "attachments": attached}

    def _send(self, to: list[str], subject: str, body: str, attached: list[Any], thread: str | None = None) -> Any:
        key = self._new_key("mails", "m")
        self.data["mails"][key] = self._mail(to, subject, body, attached, thread or f"t-{key}")
        return {"mail": key, "sent_to": to, "subject": subject, "attachments": [each["name"] for each in attached]}


def _demand_folder(folder: str) -> None:
    if folder not in FOLDERS:
        raise ToolError(f"there is no folder {folder!r}; there are {', '.join(FOLDERS)}", code="not_found")


def _titled(prefix: str, record: Any) -> str:
    subject = str(record["subject"])
    return subject if subject.startswith(prefix) else f"{prefix}{subject}"
