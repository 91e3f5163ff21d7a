"""What the shop sells, and the words that customers are made of. Data only."""

from __future__ import annotations


def _split(text: str, separator: str | None = None) -> list[str]:
    return text.split(separator)


CLOTHES = ("XS", "S", "M", "L", "XL")
SHOES = ("38", "39", "40", "41", "42", "43", "44", "45", "46")
WAISTS = ("28", "30", "32", "34", "36")
ONE = ("ONE",)

Design = tuple[str, str, str, int, tuple[str, ...], tuple[str, ...], int]

DESIGNS: list[Design] = [
    # id, name, category, pence, sizes, colours, pence more for the two largest sizes
    ("P101", "Harbour Rain Jacket", "jacket", 11900, CLOTHES, ("RED", "NAVY", "OLIVE"), 0),
    ("P102", "Cairn Shell Jacket", "jacket", 16500, CLOTHES, ("NAVY", "BLACK"), 0),
    ("P103", "Moorland Wax Jacket", "jacket", 18900, CLOTHES, ("BLACK", "OLIVE"), 1000),
    ("P104", "Drover Field Jacket", "jacket", 9450, CLOTHES, ("GREEN", "SAND"), 0),
    ("P105", "Summit Down Parka", "parka", 38900, CLOTHES, ("BLACK", "RED"), 2000),
    ("P106", "Ember Quilted Gilet", "gilet", 8990, CLOTHES, ("RUST", "NAVY"), 0),
    ("P107", "Skerry Softshell", "softshell", 12900, CLOTHES, ("GREEN", "GREY"), 0),
    ("P108", "Tarn Windbreaker", "windbreaker", 6900, CLOTHES, ("BLUE", "YELLOW"), 0),
    ("P109", "Beacon Hi-Vis Vest", "vest", 2450, CLOTHES, ("YELLOW",), 0),
    ("P110", "Croft Wool Jumper", "jumper", 5400, CLOTHES, ("OAT", "NAVY", "RUST"), 0),
    ("P111", "Fell Fleece", "fleece", 4800, CLOTHES, ("GREEN", "NAVY", "GREY"), 0),
    ("P112", "Lambswool Cardigan", "cardigan", 6000, CLOTHES, ("NAVY", "PLUM"), 0),
    ("P113", "Cable Knit Jumper", "jumper", 7250, CLOTHES, ("CREAM", "GREY"), 0),
    ("P114", "Quarter-Zip Fleece", "fleece", 5250, CLOTHES, ("BLACK", "TEAL"), 0),
    ("P115", "Guernsey Sweater", "sweater", 8400, CLOTHES, ("NAVY", "ECRU"), 0),
    ("P116", "Merino Base Layer", "base layer", 4600, CLOTHES, ("BLACK", "GREY"), 0),
    ("P117", "Everyday T-Shirt", "t-shirt", 1850, CLOTHES, ("WHITE", "BLACK", "SAGE"), 0),
    ("P118", "Linen Shirt", "shirt", 2950, CLOTHES, ("BLUE", "WHITE"), 0),
    ("P119", "Flannel Shirt", "shirt", 3900, CLOTHES, ("RED", "GREEN"), 0),
    ("P120", "Oxford Shirt", "shirt", 4250, CLOTHES, ("BLUE", "WHITE"), 0),
    ("P121", "Rambler Trousers", "trousers", 6450, WAISTS, ("STONE", "OLIVE"), 0),
    ("P122", "Crag Climbing Trousers", "trousers", 7900, WAISTS, ("CHARCOAL", "RUST"), 0),
    ("P123", "Drystone Jeans", "jeans", 6900, WAISTS, ("INDIGO", "BLACK"), 0),
    ("P124", "Beck Shorts", "shorts", 3450, WAISTS, ("SAND", "NAVY"), 0),
    ("P125", "Overtrousers", "overtrousers", 5500, CLOTHES, ("BLACK",), 0),
    ("P126", "Larkfield Wrap Dress", "dress", 7990, CLOTHES, ("PLUM", "GREEN"), 0),
    ("P127", "Jersey Midi Skirt", "skirt", 4400, CLOTHES, ("NAVY", "BLACK"), 0),
    ("P128", "Corduroy Pinafore", "pinafore", 5900, CLOTHES, ("RUST", "FOREST"), 0),
    ("P129", "Quilted Dressing Gown", "dressing gown", 7400, CLOTHES, ("GREY", "NAVY"), 0),
    ("P130", "Thermal Leggings", "leggings", 2900, CLOTHES, ("BLACK",), 0),
    ("P131", "Fenland Scarf", "scarf", 3800, ONE, ("TEAL", "RUST", "GREY"), 0),
    ("P132", "Ribbed Beanie", "beanie", 1950, ONE, ("NAVY", "MUSTARD", "GREY"), 0),
    ("P133", "Sheepskin Gloves", "gloves", 4500, CLOTHES, ("BROWN", "BLACK"), 0),
    ("P134", "Ridge Walking Boots", "boots", 11900, SHOES, ("BROWN", "BLACK"), 850),
    ("P135", "Cobble Chelsea Boots", "boots", 7600, SHOES, ("BLACK", "TAN"), 0),
    ("P136", "Pathfinder Trainers", "trainers", 8400, SHOES, ("GREY", "BLUE"), 0),
    ("P137", "Canvas Plimsolls", "plimsolls", 3600, SHOES, ("WHITE", "NAVY"), 0),
    ("P138", "Wellington Boots", "wellingtons", 5200, SHOES, ("GREEN", "NAVY"), 0),
    ("P139", "Felt Slippers", "slippers", 3200, SHOES, ("GREY",), 0),
    ("P140", "Walking Socks", "socks", 900, ONE, ("GREY", "BLACK", "RED"), 0),
    ("P141", "Day Rucksack", "rucksack", 6200, ONE, ("RED", "GREEN"), 0),
    ("P142", "Bridle Belt", "belt", 3400, CLOTHES, ("TAN", "BLACK"), 0),
    ("P143", "Waxed Duffel Bag", "bag", 12400, ONE, ("OLIVE", "NAVY"), 0),
    ("P144", "Steel Flask", "flask", 2650, ONE, ("SILVER", "GREEN"), 0),
    ("P145", "Picnic Blanket", "blanket", 4150, ONE, ("TARTAN",), 0),
    ("P146", "Folding Umbrella", "umbrella", 2250, ONE, ("BLACK", "RED"), 0),
    ("P147", "Head Torch", "torch", 3150, ONE, ("BLACK",), 0),
    ("P148", "Map Case", "map case", 1400, ONE, ("CLEAR",), 0),
]

DETAILS = {
    "P101": "Waterproof to a water column of 10,000 mm, taped seams, hood in the collar. Wash at 30 degrees.",
    "P102": "Waterproof to a water column of 20,000 mm, three layers, breathable. Wash at 30 degrees.",
    "P103": "Waxed cotton, showerproof. Do not wash; sponge off and wax again once a year.",
    "P105": "Goose down, 700 cuin, warm to -15 degrees. Dry-clean.",
    "P107": "Windproof and water-repellent, not waterproof. Wash at 30 degrees.",
    "P108": "Windproof, 140 grams, packs into its own pocket. Not waterproof.",
    "P111": "Recycled polyester, 220 grams per square metre. Wash at 30 degrees; does not pill.",
    "P116": "Merino wool, 200 grams per square metre. Wash at 30 degrees with wool detergent.",
    "P134": "Full-grain leather with a waterproof membrane. Comes up small: take one size more.",
    "P141": "24 litres, rain cover in the base, back length 46 to 52 cm.",
    "P144": "0.75 litres, keeps hot for 12 hours. Leak-proof. Not for the dishwasher.",
}
"""What the shop says of its products, where it says something."""

FIRST = _split(
    "Aisha Alan Amara Anna Arthur Astrid Bea Bilal Callum Carmen Cecilia Chidi Clara Conor Daniel Daria Diego "
    "Dina Edith Elena Emil Emma Esther Ethan Fatima Felix Fiona Freya George Grace Hana Harriet Hassan Henry Ida "
    "Imani Iris Isaac Jack Jade Jamal Joan Josef Julia Kai Karim Kate Laila Lars Leo Lena Lucia Malik Marek Marta "
    "Maria Matteo Mei Milo Mina Mira Noah Noor Oscar Otto Pablo Paula Petra Rachel Rafael Ravi Rhys Rosie Ruth "
    "Sam Sana Sara Selma Simon Sofia Stella Sunil Tariq Tessa Theo Tilda Tom Uma Vera Victor Wanda Will Yara "
    "Yusuf Zara Zoe"
)
LAST = _split(
    "Abbott Ahmed Akhtar Andersson Archer Bailey Baker Banerjee Barker Bell Bianchi Bishop Booth Bryant Burke "
    "Byrne Carr Chan Chapman Clarke Cohen Cole Costa Cruz Dale Davies Dixon Dunn Edwards Evans Farrell Fischer "
    "Flynn Ford Fox Garcia Gibson Gill Grant Green Gupta Hale Hall Hansen Harper Hart Hill Hughes Hunt Ibrahim "
    "Iqbal Jansen Jones Kaya Kelly Khan King Kowalski Lamb Lane Lee Lewis Lopez Lowe Malik Martin Mensah Meyer "
    "Mills Moore Morgan Murphy Nash Newton Nguyen Novak Nunn Osei Owen Parker Pearce Perez Pham Popescu Quinn "
    "Reid Rossi Rowe Russo Shah Silva Singh Smith Stone Suzuki Tanaka Taylor Todd Turner Vaughan Walsh Ward Watts "
    "Webb West White Wood Wright Yates Young"
)
STREETS = _split(
    "Mill Lane,High Street,Station Road,Church Walk,Park View,Alder Close,Bridge Street,Chapel Hill,Elm Avenue,"
    "Fern Bank,Harbour Row,Larch Drive,Meadow Rise,Orchard Close,Quay Street,Queen Street,Rose Court,School Lane,"
    "Thornfield Way,Victoria Terrace,Weaver Street,Willow Grove,Windmill Road,Yew Tree Lane",
    ",",
)
CITIES = (
    ("Leeds", "LS"),
    ("Bristol", "BS"),
    ("Norwich", "NR"),
    ("Leicester", "LE"),
    ("Cardiff", "CF"),
    ("Sheffield", "S"),
    ("Swansea", "SA"),
    ("Edinburgh", "EH"),
    ("Bath", "BA"),
    ("Oxford", "OX"),
    ("Derby", "DE"),
    ("Lincoln", "LN"),
    ("York", "YO"),
    ("Exeter", "EX"),
    ("Nottingham", "NG"),
    ("Preston", "PR"),
    ("Glasgow", "G"),
    ("Plymouth", "PL"),
    ("Durham", "DH"),
    ("Ipswich", "IP"),
)
MAILS = ("example.com", "example.org", "example.net")
BRANDS = ("Visa", "Mastercard")
CARRIERS = ("Northway", "Parcelpost", "Swift & Sons")
NOTES = (
    "Please leave the parcel with the neighbour at number 7.",
    "Gift: please put no prices on the slip.",
    "The bell is broken, please knock.",
    "Happy birthday, with love from Gran!",
    "Leave it in the porch, behind the bench.",
    "Called to ask about the delivery date; told two to four days.",
)
