"""An agent's message and what a user knows in, what the message asks of the user out. Rules on words, no model.

A message is taken apart into sentences, a list of bullets counting as one with the line before it. Each sentence is one
of these, tried in this order:

    closing    `Anything else I can do?`, `Let me know if …`: asks nothing
    help       `How can I help?`: the wish was not taken up
    waits      `One moment`, `Let me check`
    confirms   `Shall I …?`, `Would you like me to …?`, `Is that right?`, `Please confirm.`; nothing with a choice
    asks       a question or request that names something known, by key or alias, without its value
    checks     a question that names something known together with its value: `Is it order 1187?`
    other      any other question or request
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_LONGEST_READ = 20_000  # characters, from the end

COMMON_ALIASES: Mapping[str, tuple[str, ...]] = {
    "email": ("e mail", "email address", "e mail address", "mail address"),
    "order": ("order number", "order id", "order no"),
    "name": ("full name", "first name", "last name", "surname"),
    "postcode": ("post code", "postal code", "zip", "zip code"),
    "phone": ("phone number", "telephone", "telephone number", "mobile number"),
    "address": ("street", "delivery address", "shipping address", "new address"),
    "card": ("card number", "last four digits", "last 4 digits"),
    "date_of_birth": ("birth date", "birthday"),
}
"""Other words for keys that many scenarios use. A phrase for something unknown is never taken for something known."""

_CLOSING = re.compile(
    r"\b(?:(?:anything|something|what) (?:else|more|further)|let me know if|feel free|is there more"
    r"|have a (?:nice|great|good|lovely|wonderful))\b"
)
_HELP = re.compile(r"\b(?:how|what) (?:can|may|could) (?:i|we) (?:help|assist|do|be of)\b")
_WAITS = re.compile(
    r"\b(?:(?:one|just a|give me a) (?:moment|second|minute)|bear with me|hold on|please wait"
    r"|(?:let me|i will|i'll) (?:just )?(?:check|look|see|pull|fetch))\b"
)
_CONFIRMS = re.compile(
    r"\b(?:(?:shall|should) (?:i|we)\b|(?:do|would|did) you (?:want|like|wish|prefer) (?:me|us) to\b|want me to\b"
    r"|(?:may|can|could|would you like to|happy to|ok to|okay to) (?:i |we |you )?(?:go ahead|proceed|continue)\b"
    r"|(?:is|are) (?:that|this|it|these|everything|all) (?:all )?(?:right|correct|ok|okay|fine|alright|good)\b"
    r"|(?:does|do) (?:that|this|it|these) (?:sound|look|work)\b|do you (?:agree|confirm|approve|accept)\b"
    r"|are you (?:sure|happy|okay|ok)\b|yes or no\b|yes/no|(?:reply|answer|say|type) (?:with )?\W?yes\b"
    r"|(?:go ahead|proceed|okay|ok|confirm)\s*\?|confirm\b)"
)
_OPEN_QUESTION = re.compile(r"(?:^|[,;:] |\b(?:and|so|but|then) )(?:which|what|how|where|when|who|whose)\b")
_REQUEST = re.compile(
    r"\?|\b(?:(?:please|kindly) (?:also |first )?(?:tell|give|provide|share|send me|state|specify|enter|supply|confirm"
    r"|verify|reply|answer|choose|pick|select|describe|explain|indicate|name)"
    r"|(?:i|we)(?:'ll| will|'d| would)? (?:also |still |just |first )?(?:need|require)|tell me|give me|let me know"
    r"|(?:could|can|would|will) you|(?:may|might|could|can) i have|what(?:'s| is)|please:)|\bplease[.!]?$"
)
_GIVE = re.compile(
    r"\b(?:please|kindly) (?:also |first )?(?:tell|give|provide|share|state|specify|enter|supply)\b"
    r"|\b(?:i|we)(?:'ll| will|'d| would)? (?:also |still |just |first )?(?:need|require) your\b"
)
_STRONG = re.compile(rf"\?|{_GIVE.pattern}")
_BULLET = re.compile(r"\s*\n\s*(?:[-*•]|\d{1,2}[.)])\s+")
_MARKUP = re.compile(r"[*_`#>]+")
_SENTENCES = re.compile(r"(?<=[.!?…])\s+|\n+")
_CONFIRM_WORD = re.compile(r"\bconfirm (?:me )?(?:your|the|which|what) (?:[\w'-]+ )?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What one message asks of the user.

    Attributes:
        asks: Keys that it asks for, in the order in which it names them.
        confirms: It wants a yes or a no.
        checks: It names a known value and asks whether that is so.
        other: It asks for something that is not known.
        waits: It asks for patience.
        helps: It asks what the user wants.
    """

    asks: tuple[str, ...] = ()
    confirms: bool = False
    checks: bool = False
    other: bool = False
    waits: bool = False
    helps: bool = False

    @property
    def nothing(self) -> bool:
        """It asks nothing, so that the matter is finished."""
        return not (self.asks or self.confirms or self.checks or self.other or self.waits or self.helps)


class Ear:
    """Understands messages to a user who knows certain things.

    Args:
        knows: What is known, by key.
        aliases: Other words for keys; `COMMON_ALIASES` apply besides.
    """

    def __init__(self, knows: Mapping[str, str], aliases: Mapping[str, Sequence[str]]) -> None:
        self._values = {key: _folded(value) for key, value in knows.items()}
        self._keys: dict[str, str] = {}
        for known in (COMMON_ALIASES, aliases):
            for key, words in known.items():
                self._keys |= dict.fromkeys(map(_words, (key, *words)), key)
        self._keys |= {_words(key): key for key in knows}
        # the longest first, so that "email address" is no address
        alternatives = "|".join(re.escape(name) for name in sorted(self._keys, key=len, reverse=True))
        self._names = re.compile(rf"\b(?P<name>{alternatives})(?:s|es)?\b")

    def hear(self, text: str) -> Heard:
        """What a message asks."""
        asks: dict[str, None] = {}
        found: set[str] = set()
        for sentence in _sentences(text):
            kind = self._kind(sentence)
            if kind == "asks":
                asks |= dict.fromkeys(self._named(sentence))
            found.add(kind)
        return Heard(
            asks=tuple(asks),
            confirms="confirms" in found,
            checks="checks" in found,
            other="other" in found,
            waits="waits" in found,
            helps="helps" in found,
        )

    def _kind(self, sentence: str) -> str:
        if _CLOSING.search(sentence):
            return "closing"
        if _HELP.search(sentence):
            return "helps"
        if _WAITS.search(sentence) and "?" not in sentence:
            return "waits"
        if self._wants_a_yes(sentence):
            return "confirms"
        if not _REQUEST.search(sentence):
            return "statement"
        if self._named(sentence):
            return "asks"
        if "?" in sentence and any(key in self._values for key in self._mentioned(sentence)):
            return "checks"
        return "other" if _STRONG.search(sentence) else "statement"

    def _wants_a_yes(self, sentence: str) -> bool:
        found = _CONFIRMS.search(sentence)
        if found is None or _OPEN_QUESTION.search(sentence[: found.start()]):
            return False  # "Which card should I use?"
        if " or " in sentence and self._named(sentence):
            return False  # "Shall I use your card or your gift card?"
        return not self._asks_to_confirm(sentence)

    def _asks_to_confirm(self, sentence: str) -> bool:
        """`Please confirm your e-mail address`: wants the address, not a yes."""
        words = _words(sentence)
        return any(
            _CONFIRM_WORD.search(words[: match.start()]) and self._keys[match["name"]] in self._named(sentence)
            for match in self._names.finditer(words)
        )

    def _mentioned(self, sentence: str) -> list[str]:
        return [self._keys[match["name"]] for match in self._names.finditer(_words(sentence))]

    def _named(self, sentence: str) -> list[str]:
        """The known keys that a sentence names without saying their values."""
        return [
            key for key in self._mentioned(sentence) if key in self._values and not _says(sentence, self._values[key])
        ]


def wants_words(text: str) -> bool:
    """Whether a message wants more than yes or no: an open question, or something to be given."""
    return any(
        _GIVE.search(sentence) or ("?" in sentence and _OPEN_QUESTION.search(sentence)) for sentence in _sentences(text)
    )


def _says(sentence: str, value: str) -> bool:
    return bool(value) and re.search(rf"(?<!\w){re.escape(value)}(?!\w)", sentence) is not None


def _sentences(text: str) -> list[str]:
    plain = _MARKUP.sub("", _BULLET.sub(", ", text[-_LONGEST_READ:]))
    return [folded for part in _SENTENCES.split(plain) if (folded := _folded(part))]


def _folded(text: str) -> str:
    return " ".join(text.replace("\u2019", "'").casefold().split())


def _words(text: str) -> str:
    return " ".join(re.sub(r"[-_]", " ", text).casefold().split())
