"""The tables of the newest schema. Migrations create them; queries and inserts are built from them.

meta          what wrote this store, and its schema version
content       JSON texts, each kept once: messages, large values, attribute names, resource and scope
history       conversations as a tree: a node is one message after all those above it
span, log     one row each; what repeats is a reference to `content` or `history`
conflict      that different content came for the id of a span that was there
run, trial    what was run; `attempt` holds the attempts that a later one superseded
trajectory    as assembled, compressed, by version of the assembler
state         worlds' states, by content hash
label, outcome  what people said, and what checks concluded
trace         what is known of each trace without reading its spans
stale         trajectories of which something changed since their facts were made
fact          one row a trajectory: what is looked for by figures; `mention` what is looked for by name
said          words of trajectories, for each database in its own way
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TextClause,
    UniqueConstraint,
    text,
)

METADATA = MetaData()

# 64 bits everywhere; SQLite numbers rows by itself only where the key is spelt INTEGER
_Text = Text().with_variant(Text(collation="C"), "postgresql")  # in the order of code points
_Id = BigInteger().with_variant(Integer, "sqlite")


def _id() -> Column[int]:
    return Column("id", _Id, primary_key=True)


def _text(name: str, *, null: bool = False) -> Column[str]:
    return Column(name, _Text, nullable=null)


def _number(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _bytes(name: str, *, null: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=null)


NOT_CLOSED = text("state <> 'closed'")
OF_A_PROJECT = text("project <> ''")
"""What the rows of a partial index have in common: a query that is to use it says so, too."""


def _some(name: str, *columns: str, where: TextClause) -> Index:
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


meta = Table("meta", METADATA, Column("key", _Text, primary_key=True), _text("value"))

content = Table("content", METADATA, _id(), _bytes("digest"), _bytes("data"), UniqueConstraint("digest"))

history = Table(
    "history", METADATA, _id(), _number("parent"), _number("message"), UniqueConstraint("parent", "message")
)

span = Table(
    "span",
    METADATA,
    _id(),
    _bytes("trace_id"),
    _bytes("span_id"),
    _bytes("parent_id", null=True),
    _number("start_ns"),
    _number("end_ns"),
    _text("name"),
    _number("shape"),
    _number("frame"),
    _bytes("body"),
    UniqueConstraint("trace_id", "span_id"),
)

conflict = Table(
    "conflict",
    METADATA,
    Column("trace_id", LargeBinary, primary_key=True),
    Column("span_id", LargeBinary, primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
)

log = Table(
    "log",
    METADATA,
    _id(),
    _bytes("trace_id"),
    _bytes("span_id"),
    _number("at_ns"),
    _bytes("digest"),
    _number("shape"),
    _number("frame"),
    _bytes("body"),
    UniqueConstraint("trace_id", "digest"),
)

run = Table(
    "run",
    METADATA,
    Column("run_id", _Text, primary_key=True),
    _text("created_at"),
    _bytes("data"),
    Index("run_by_time", "created_at", "run_id"),
)

trial = Table(
    "trial",
    METADATA,
    _id(),
    _bytes("identity"),
    _text("run"),
    _text("scenario"),
    _text("agent"),
    _text("status"),
    _text("trajectory", null=True),
    _number("attempt"),
    _bytes("data"),
    UniqueConstraint("identity"),
    # each query keeps the order of ids within what it asks for, so that a page begins where the last one ended
    *(Index(f"trial_by_{name}", name, "id") for name in ("run", "scenario", "agent", "status", "trajectory")),
)

attempt = Table(
    "attempt",
    METADATA,
    Column("identity", LargeBinary, primary_key=True),
    Column("attempt", BigInteger, primary_key=True, autoincrement=False),
    _bytes("data"),
)

trajectory = Table(
    "trajectory",
    METADATA,
    _id(),
    _text("trajectory"),
    _text("assembler"),
    _text("start_state", null=True),
    _bytes("data"),
    UniqueConstraint("trajectory", "assembler"),
)

state = Table("state", METADATA, Column("hash", _Text, primary_key=True), _bytes("data"))

label = Table(
    "label",
    METADATA,
    _id(),
    _text("trajectory"),
    _text("criterion"),
    _text("rater"),
    _bytes("data"),
    UniqueConstraint("trajectory", "criterion", "rater"),
)

outcome = Table(
    "outcome",
    METADATA,
    _id(),
    _text("run"),
    _text("trajectory"),
    _bytes("data"),
    UniqueConstraint("trajectory", "run"),
    Index("outcome_by_run", "run", "id"),
)

trace = Table(
    "trace",
    METADATA,
    Column("trace_id", LargeBinary, primary_key=True),
    _text("project"),
    _text("state"),
    _number("first_ns"),
    _number("last_ns"),
    _number("arrived_ns"),
    _number("spans"),
    _number("logs"),
    _number("revision"),
    Index("trace_by_arrival", "arrived_ns", "trace_id"),
    # traces of runs are closed and of no project, and take part in neither
    _some("trace_by_state", "state", "arrived_ns", "trace_id", where=NOT_CLOSED),
    _some("trace_by_project", "project", "arrived_ns", "trace_id", where=OF_A_PROJECT),
)

stale = Table("stale", METADATA, Column("trajectory", _Text, primary_key=True))

fact = Table(
    "fact",
    METADATA,
    _id(),
    _text("trajectory"),
    _number("began_ns"),
    Column("duration_ns", BigInteger),
    Column("cost_usd", Float),
    Column("tokens", BigInteger),
    _bytes("data"),
    UniqueConstraint("trajectory"),
    Index("fact_by_time", "began_ns", "id"),
    *(Index(f"fact_by_{name}", name, "id") for name in ("duration_ns", "cost_usd", "tokens")),
)

mention = Table(
    "mention",
    METADATA,
    Column("kind", _Text, primary_key=True),
    Column("value", _Text, primary_key=True),
    Column("began_ns", BigInteger, primary_key=True, autoincrement=False),
    Column("fact", BigInteger, primary_key=True, autoincrement=False),
    Index("mention_by_fact", "fact"),
)
