"""The table `[redact]` of a project's settings: what is looked for, and what becomes of it."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from agenteval.core.marks import NAME

Action: TypeAlias = Literal["mask", "pseudonym", "drop", "keep"]
"""`mask` and `pseudonym` replace what was found, `drop` the whole text that holds it; `keep` does not look for it."""

SECRETS: Final = ("private_key", "jwt", "authorization", "url_credentials", "api_key")
PERSONAL: Final = ("email", "phone", "iban", "card", "ssn", "ip")
NAMED: Final = "named"
CONTENT: Final = "content"
LIMITS: Final = ("too_many", "too_deep")

SECRET_NAMES: Final = (
    "*password",
    "*passwd",
    "*passphrase",
    "*secret",
    "*api_key",
    "*access_key",
    "*private_key",
    "*access_token",
    "*refresh_token",
    "*auth_token",
    "*id_token",
    "*authorization",
    "*cookie",
)
"""Names of attributes and of keys whose values are secrets, whatever they look like."""

LONGEST_PATTERN: Final = 1000

Glob: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class CustomRule(BaseModel):
    """A pattern of one's own, in the syntax of RE2: no look-around and no back-references, so its time is linear."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: Annotated[str, StringConstraints(pattern=rf"^{NAME}$")]
    pattern: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_PATTERN)]
    action: Action = "mask"


class RedactRules(BaseModel):
    """What becomes of each kind of secret and personal data, of named attributes, and of all content.

    Attributes:
        off: Nothing is redacted, whatever else is written.
        named: What becomes of the values of names in `deny`.
        deny: Globs of attribute names, and of keys inside values.
        allow: Globs of attribute names that nothing is looked for in.
        phone_regions: Where telephone numbers without a country's prefix are from.
        content: `drop` leaves nothing of what was said, passed to tools and returned by them.
        custom: Patterns of one's own.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    off: bool = False
    private_key: Action = "mask"
    jwt: Action = "mask"
    authorization: Action = "mask"
    url_credentials: Action = "mask"
    api_key: Action = "mask"
    email: Action = "mask"
    phone: Action = "mask"
    iban: Action = "mask"
    card: Action = "mask"
    ssn: Action = "mask"
    ip: Action = "keep"
    named: Action = "mask"
    deny: list[Glob] = Field(default_factory=lambda: list(SECRET_NAMES))
    allow: list[Glob] = Field(default_factory=list[str])
    phone_regions: list[Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")]] = Field(default_factory=lambda: ["US"])
    content: Literal["keep", "drop"] = "keep"
    custom: list[CustomRule] = Field(default_factory=list[CustomRule], max_length=100)

    @model_validator(mode="after")
    def _each_name_once(self) -> RedactRules:
        seen = {"redacted", NAMED, CONTENT, *SECRETS, *PERSONAL, *LIMITS}
        for rule in self.custom:
            if rule.name in seen:
                raise ValueError(f'the name of the custom rule "{rule.name}" is taken; choose another')
            seen.add(rule.name)
        return self

    def actions(self) -> dict[str, Action]:
        """What becomes of what each rule finds, by its name."""
        actions: dict[str, Action] = {name: getattr(self, name) for name in (*SECRETS, *PERSONAL, NAMED)}
        actions.update({rule.name: rule.action for rule in self.custom})
        return actions


def in_force(written: RedactRules | None, *, unwritten: RedactRules | None) -> RedactRules | None:
    """The rules that hold: those that are written, else those for where none are; None where they are off."""
    rules = unwritten if written is None else written
    return None if rules is None or rules.off else rules


SECRETS_ALONE: Final = RedactRules(email="keep", phone="keep", iban="keep", card="keep", ssn="keep", ip="keep")
"""What a receiver goes by that was told nothing. Personal data is left: it is often what checks ask about."""
