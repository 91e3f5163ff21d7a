"""Patterns of secrets: those of detect-secrets, and prefixes of keys that are younger than its last release."""

from __future__ import annotations

import re
from typing import Final

from agenteval.telemetry.redact.libraries import library

PRIVATE_KEY_HINTS: Final = ("-----BEGIN[A-Z0-9 ]*PRIVATE KEY", "PuTTY-User-Key-File-")
_LAST: Final = r"-----END[A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
_BODY: Final = (
    r"(?:[^\"'<>-]|-[^-])*"  # up to the next line of dashes, so that no key is searched to the end of the text
)
PRIVATE_KEYS: Final = (
    rf"-----BEGIN[A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?:{_BODY}{_LAST}|[A-Za-z0-9+/=\s]*)",
    r"PuTTY-User-Key-File-\d:(?:[^\"'<>P]|P[^u]|Pu[^T])*?Private-MAC:\s*[0-9a-f]+",
)

JWT: Final = r"eyJ[A-Za-z0-9_=-]{5,}(?:\.[A-Za-z0-9_=+/-]*){1,4}"

AUTHORIZATION: Final = r"(?i)\b(?:bearer|basic|token|digest)\s+([A-Za-z0-9._~+/=-]{12,})"

URL_CREDENTIALS: Final = r"[a-zA-Z][a-zA-Z0-9+.-]*://[^\s/\"'\\:@<>]*:([^\s/\"'\\@<>]+)@"

YOUNGER: Final = (
    r"sk-[A-Za-z0-9_-]{20,}",  # OpenAI, Anthropic, OpenRouter, DeepSeek, Langfuse, LiteLLM
    r"sess-[A-Za-z0-9]{32,}",
    r"AIza[A-Za-z0-9_-]{35}",  # Google
    r"ya29\.[A-Za-z0-9_-]{20,}",
    r"GOCSPX-[A-Za-z0-9_-]{20,}",
    r"github_pat_[A-Za-z0-9_]{22,}",
    r"hf_[A-Za-z0-9]{30,}",  # Hugging Face
    r"gsk_[A-Za-z0-9]{20,}",  # Groq
    r"xai-[A-Za-z0-9]{20,}",
    r"pplx-[A-Za-z0-9]{20,}",  # Perplexity
    r"r8_[A-Za-z0-9]{30,}",  # Replicate
    r"nvapi-[A-Za-z0-9_-]{20,}",
    r"tvly-[A-Za-z0-9_-]{16,}",  # Tavily
    r"csk-[a-z0-9]{20,}",  # Cerebras
    r"fw_[A-Za-z0-9]{20,}",  # Fireworks
    r"lsv2_(?:pt|sk)_[A-Za-z0-9_]{20,}",  # LangSmith
    r"ABSK[A-Za-z0-9+/=]{60,}",  # Bedrock
    r"xapp-[A-Za-z0-9-]{20,}",  # Slack
    r"xox[a-z]-[A-Za-z0-9-]{20,}",
    r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}",  # Stripe
    r"whsec_[A-Za-z0-9+/=]{20,}",
    r"shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}",  # Shopify
    r"do[opr]_v1_[a-f0-9]{64}",  # DigitalOcean
    r"dckr_pat_[A-Za-z0-9_-]{20,}",
    r"npm_[A-Za-z0-9]{36}",
    r"hv[sbr]\.[A-Za-z0-9_-]{20,}",  # Vault
    r"sntry[su]_[A-Za-z0-9+/=_-]{20,}",
    r"dapi[a-f0-9]{32}",  # Databricks
    r"lin_api_[A-Za-z0-9]{20,}",
    r"ntn_[A-Za-z0-9]{20,}",  # Notion
    r"PMAK-[A-Za-z0-9-]{40,}",  # Postman
    r"NRAK-[A-Z0-9]{27}",  # New Relic
    r"glsa_[A-Za-z0-9_]{32,}",  # Grafana
    r"aek_[A-Za-z0-9_-]{40,}",  # agenteval's own
    r"AGE-SECRET-KEY-1[A-Z0-9]{50,}",
)

_PLUGINS: Final = {  # by module and class of detect_secrets.plugins: what all of its patterns have in them
    "artifactory.ArtifactoryDetector": r"AKC[A-Za-z0-9]{10}|AP[0-9A-F][A-Za-z0-9]{8}",
    "aws.AWSKeyDetector": r"(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[0-9A-Z]|(?i:aws.{0,30}(?:key|pwd|pw|pass|token))",
    "azure_storage_key.AzureStorageKeyDetector": r"AccountKey=",
    "discord.DiscordBotTokenDetector": r"\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27}",
    "github_token.GitHubTokenDetector": r"gh[pousr]_",
    "gitlab_token.GitLabTokenDetector": r"gl[a-z]{2,5}-|GR1348941",
    "mailchimp.MailchimpDetector": r"-us\d",
    "npm.NpmDetector": r":_authToken=",
    "openai.OpenAIDetector": r"T3BlbkFJ",
    "pypi_token.PypiTokenDetector": r"pypi-Ag",
    "sendgrid.SendGridDetector": r"SG\.",
    "slack.SlackDetector": r"(?i:xox[a-z]-)|hooks\.slack\.com",
    "square_oauth.SquareOAuthDetector": r"sq0csp-",
    "stripe.StripeDetector": r"k_live_",
    "telegram_token.TelegramBotTokenDetector": r"\d:[A-Za-z0-9_-]{35}",
    "twilio.TwilioKeyDetector": r"(?:AC|SK)[a-z0-9]{32}",
}  # left out: what guesses by entropy or key words (`named` does that), and assignments of products that are gone

API_KEY_HINTS: Final = (*(pattern.partition("{")[0] + "{8}" for pattern in YOUNGER), *_PLUGINS.values())


def api_keys() -> tuple[str, ...]:
    """Every pattern of an API key or token, in the syntax of RE2."""
    return (*YOUNGER, *(pattern for name in _PLUGINS for pattern in _of_plugin(name)))


def _of_plugin(name: str) -> list[str]:
    module, _, owner = name.partition(".")
    plugin = getattr(library(f"detect_secrets.plugins.{module}"), owner)
    return [_portable(pattern) for pattern in plugin.denylist]


def _portable(pattern: re.Pattern[str]) -> str:
    """A pattern of Python's `re` without what RE2 lacks.

    A look-ahead that the text ends there only keeps out longer texts, which are no less secret; RE2 counts to 1000.
    """
    text = pattern.pattern.replace(r"(?!\w)", "").replace(",1024}", ",}")
    return f"(?i:{text})" if pattern.flags & re.IGNORECASE else text
