"""The words that the rest of the office is made of: people, companies, topics of mails, titles of events and files."""

from __future__ import annotations


def _split(text: str) -> list[str]:
    return text.split()


# no first name of a planted person is among them, so that "Erik's mail" stays one person's
FIRST = _split(
    "Aisha Alan Amara Anna Arthur Astrid Bilal Callum Carmen Cecilia Chidi Clara Conor Daria Diego Dina Edith Elena "
    "Emil Esther Fatima Felix Fiona Freya Harriet Henry Ida Imani Iris Isaac Jade Jamal Julia Karim Laila Lars Leo "
    "Lucia Marek Matteo Mei Mira Noah Noor Oscar Pablo Paula Petra Rachel Rafael Ravi Rhys Ruben Selma Simon Stella"
)
LAST = _split(
    "Abbott Ahmed Archer Bailey Banerjee Bell Bianchi Booth Burke Byrne Carr Chan Clarke Cohen Cruz Dale Dixon Dunn "
    "Edwards Farrell Flynn Garcia Gibson Gill Grant Gupta Hale Hansen Hart Hughes Ibrahim Iqbal Jansen Kaya Kelly "
    "Kowalski Lamb Lopez Malik Meyer Moore Morgan Nash Novak Osei Owen Parker Pham Quinn Reid Rossi Rowe Shah Singh"
)
ROLES = (
    "Test engineer",
    "Buyer",
    "Technician",
    "Software engineer",
    "Copywriter",
    "Service planner",
    "Data analyst",
    "Warehouse lead",
    "Trainer",
    "Office manager",
)
COMPANIES = (
    ("Hollin Pumps", "hollinpumps.example", "Works manager"),
    ("Castlebeck Labs", "castlebeck.example", "Head of chemistry"),
    ("Fenwick Freight", "fenwickfreight.example", "Dispatcher"),
    ("Osprey Utilities", "osprey-utilities.example", "Network planner"),
    ("Meridian Valves", "meridianvalves.example", "Sales engineer"),
    ("Quillon Print", "quillonprint.example", "Account manager"),
)
CITIES = (("Leeds", "+01:00"), ("York", "+01:00"), ("Derby", "+01:00"), ("Munich", "+02:00"), ("Dublin", "+01:00"))

TOPICS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    # subject, folder, what is said one mail after the other
    (
        "Stock count in {month}",
        "team",
        (
            "the stock count is due at the end of {month}. Who can take the upper shelves?",
            "I can do it from ten on, if somebody lends me a scanner.",
            "There are two scanners in the cabinet by the door. Thank you!",
        ),
    ),
    (
        "Parking permits",
        "team",
        (
            "permits for the rear yard run out in {month}. Please tell me your plates if you want a new one.",
            "Mine has not changed since last year.",
        ),
    ),
    (
        "Invoice {number}",
        "suppliers",
        (
            "please find attached our invoice {number} for the last consignment, payable within 30 days.",
            "It has gone to the colleagues who pay it. The amount agrees with the order.",
            "Many thanks for the quick reply.",
        ),
    ),
    (
        "Firmware build {number}",
        "team",
        (
            "build {number} is on the test rack. The clock drifts by two seconds a day, the rest is green.",
            "I can see the drift on my unit as well. It began with the last build.",
            "Found it, a wrong divider. The next build has the fix.",
            "All green here.",
        ),
    ),
    (
        "Warranty claim {number}",
        "customers",
        (
            "our probe {number} reads nothing below four degrees. It is eight months old. What shall we do?",
            "please send it back to Leeds, we replace it. The carrier fetches it on the day you name.",
            "It is ready to be fetched.",
        ),
    ),
    (
        "Site visit in {month}",
        "customers",
        (
            "we would like to see the works in {month}, with four people. Is that possible?",
            "with pleasure. Please wear closed shoes; everything else is here.",
            "Perfect, we will come by train.",
            "Then somebody meets you at the station.",
        ),
    ),
    (
        "Translation of the manual",
        "archive",
        (
            "chapters one to four are back from the translator. Chapter five has a table that does not fit.",
            "Please turn the table, it fits on a page across.",
        ),
    ),
    (
        "Coffee machine",
        "archive",
        (
            "the coffee machine on the second floor leaks again.",
            "A part is ordered, it takes until {month}.",
            "It is mended.",
        ),
    ),
    (
        "Freight to {city}",
        "suppliers",
        (
            "the pallet to {city} has arrived, one carton is dented. Shall we open it?",
            "please do, and take a photograph.",
            "Nothing is broken inside.",
        ),
    ),
    (
        "Training in {month}",
        "team",
        (
            "there are six places left in the first-aid training in {month}.",
            "I would like one of them.",
            "You are on the list.",
        ),
    ),
)
NEWSLETTERS = (
    ("River Post", "post@riverpost.example", "River Post {number}"),
    ("Measuring Today", "mail@measuringtoday.example", "Measuring Today {number}"),
)
MONTHS = ("February", "March", "April", "May")
TITLES = (
    "Stock planning",
    "Service figures",
    "Firmware demo",
    "Warranty board",
    "Manual: open points",
    "Works tour",
    "Interview panel",
    "Freight rates",
    "Training of new colleagues",
    "Figures of the month",
)
FILE_KINDS: tuple[tuple[str, str, str], ...] = (
    # name, folder, text
    ("Stock count {month}", "Operations", "Shelf A: {a} probes, {b} cables.\nShelf B: {c} housings."),
    ("Firmware notes {a}", "Projects/Firmware", "Build {a}: {b} tests, {c} of them new. Clock drift below a second."),
    ("Service figures {month}", "Operations", "{a} repairs, {b} of them under warranty; {c} probes replaced."),
    ("Freight rates {month}", "Operations", "Pallet to Munich {a}, to Dublin {b}, to York {c} pounds."),
    ("Manual chapter {c}", "Products/Manual", "How to fasten the probe, clean it every {b} days and store it dry."),
    ("Minutes {month} {c}", "Meetings", "Present: {a} people. Next meeting in {b} days. Open points: {c}."),
    ("Training plan {a}", "People/Training", "Group of {b}: {c} mornings, with a test at the end."),
    ("Photographs {month} {b}", "Marketing/Photographs", "[{a} photographs of the works, {c} of them with people]"),
)
