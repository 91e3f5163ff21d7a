"""The people that the scenarios are about, and the rooms. They are there in every office, whatever its seed."""

from __future__ import annotations

ME = {"name": "Nadia Okoro", "email": "nadia.okoro@tidewell.example", "role": "Product manager", "utc_offset": "+01:00"}

Person = tuple[str, str, str, str, str, str, str, str]

PEOPLE: list[Person] = [
    # id, name, address, company, role, city, offset, phone
    ("c-1001", "Lena Fischer", "lena.fischer@", "Tidewell", "Marketing lead", "Leeds", "+01:00", "ext. 214"),
    ("c-1002", "Tom Baker", "tom.baker@", "Tidewell", "Firmware engineer, Engineering", "Leeds", "+01:00", "ext. 231"),
    (
        "c-1003",
        "Tom Baker",
        "tom.baker@alderrowe.example",
        "Alder & Rowe",
        "Auditor",
        "York",
        "+01:00",
        "+44 1632 960118",
    ),
    ("c-1004", "Marta Silva", "marta.silva@", "Tidewell", "Finance director", "Leeds", "+01:00", "ext. 201"),
    ("c-1005", "Jonas Weber", "jonas.weber@", "Tidewell", "Sales manager, Europe", "Munich", "+02:00", "ext. 305"),
    ("c-1006", "Wei Ling Tan", "weiling.tan@", "Tidewell", "Sales manager, Asia", "Singapore", "+08:00", "ext. 411"),
    ("c-1007", "Omar Haddad", "omar.haddad@", "Tidewell", "IT security", "Leeds", "+01:00", "ext. 250"),
    ("c-1008", "Grace Mensah", "grace.mensah@", "Tidewell", "Head of people", "Leeds", "+01:00", "ext. 208"),
    ("c-1009", "Erik Lund", "erik.lund@", "Tidewell", "Engineering lead", "Leeds", "+01:00", "ext. 230"),
    ("c-1010", "Sofia Costa", "sofia.costa@", "Tidewell", "Product specialist", "Boston", "-04:00", "ext. 502"),
    ("c-1011", "Priya Nair", "priya.nair@", "Tidewell", "Analyst, Finance", "Leeds", "+01:00", "ext. 203"),
    ("c-1012", "Priya Nair", "priya.nair2@", "Tidewell", "Team lead, Support", "Leeds", "+01:00", "ext. 262"),
    (
        "c-1013",
        "Dana Whitlock",
        "dana.whitlock@northmoor.example",
        "Northmoor Water",
        "Head of monitoring",
        "Durham",
        "+01:00",
        "+44 1632 960455",
    ),
    (
        "c-1014",
        "Kai Brandt",
        "kai.brandt@rheinlab.example",
        "Rheinlab",
        "Account manager",
        "Cologne",
        "+02:00",
        "+49 30 23125 440",
    ),
    (
        "c-1015",
        "Ruth Adeyemi",
        "ruth@adeyemi-design.example",
        "Adeyemi Design",
        "Freelance designer",
        "Leeds",
        "+01:00",
        "+44 1632 960772",
    ),
    ("c-1016", "Accounting", "accounting@", "Tidewell", "Shared mailbox", "Leeds", "+01:00", "ext. 200"),
    ("c-1017", "Facilities", "facilities@", "Tidewell", "Shared mailbox", "Leeds", "+01:00", "ext. 100"),
    ("c-1018", "IT Service", "it-service@", "Tidewell", "Shared mailbox", "Leeds", "+01:00", "ext. 111"),
]

ROOMS: dict[str, tuple[int, list[tuple[str, str]]]] = {
    # seats, and when others have booked it
    "Aire": (12, [("2026-05-14T14:00", "2026-05-14T15:30")]),
    "Calder": (10, []),
    "Nidd": (8, [("2026-05-14T13:30", "2026-05-14T15:00")]),
    "Wharfe": (4, []),
}
