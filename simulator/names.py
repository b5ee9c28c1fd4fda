"""Names of people and companies: plain, accented, non-Latin and awkward ones, as a real CRM holds."""

import unicodedata
from functools import cache

FIRST_NAMES = (
    "Anna", "Ben", "Carla", "David", "Elif", "Finn", "Grace", "Hannah", "Igor", "Jana", "Kenji", "Lena", "Marek", "Nora",
    "Olu", "Paula", "Quentin", "Rosa", "Søren", "Tomás", "Ute", "Viktor", "Wanda", "Ximena", "Yara", "Zoë", "José", "Łukasz",
    "Ayşe", "Siobhán", "Chloé", "Björn", "美咲", "Дмитрий", "محمد", "Nguyễn",
)  # fmt: skip
FAMILY_NAMES = (
    "Adler", "Brandt", "Costa", "Dvořák", "Eriksson", "Fischer", "García", "Hoffmann", "Ivanova", "Jansen", "Keller", "Lindqvist",
    "Müller", "Novak", "O'Connor", "Petrov", "Quinn", "Rossi", "Schmidt", "Tanaka", "Ueda", "van der Berg", "Weiß", "Xu",
    "Yılmaz", "Zimmermann", "Nuñez", "Ångström", "D’Angelo", "Smith-Jones", "佐藤", "Соколов",
)  # fmt: skip
_COMPANY_WORDS = (
    "Alpine", "Baltic", "Cobalt", "Delta", "Evergreen", "Falcon", "Granite", "Harbour", "Iris", "Juniper", "Kestrel", "Lumen",
    "Meridian", "Nordic", "Orchard", "Polar", "Quarry", "Riverside", "Summit", "Tidal", "Umbra", "Vertex", "Willow", "Zenith",
    "Grün", "Été", "Ørsted",
)  # fmt: skip
_COMPANY_TRADES = (
    "Logistics", "Software", "Foods", "Energy", "Textiles", "Consulting", "Robotics", "Pharma", "Bau", "Media", "Optics",
    "Insurance", "Freight & Sons", "Labs", "Print", "Hotels", "Water", "Steel", "\"Quality\" Parts",
)  # fmt: skip
_COMPANY_FORMS = ("GmbH", "AG", "Ltd", "S.A.", "Inc.", "B.V.", "AB", "s.r.o.")
INDUSTRIES = (
    "MANUFACTURING",
    "COMPUTER_SOFTWARE",
    "FOOD_PRODUCTION",
    "LOGISTICS_AND_SUPPLY_CHAIN",
    "HOSPITALITY",
    "INSURANCE",
)
COUNTRIES = ("Germany", "Austria", "Switzerland", "France", "Netherlands", "United Kingdom", "United States", "Sweden")
JOBS = ("Head of Purchasing", "CEO", "CFO", "Engineer", "Project lead", "Operations", "IT manager", "Assistant")


@cache
def ascii_of(name: str) -> str:
    """A name as it may stand in an e-mail address."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "".join(c for c in plain if c.isalnum()) or f"x{abs(sum(map(ord, name)))}"


def company_name(draw: int) -> str:
    """A company's name from any large integer."""
    word = _COMPANY_WORDS[draw % len(_COMPANY_WORDS)]
    trade = _COMPANY_TRADES[draw // 31 % len(_COMPANY_TRADES)]
    form = _COMPANY_FORMS[draw // 1009 % len(_COMPANY_FORMS)]
    return f"{word} {trade} {form}"


def person_name(draw: int) -> tuple[str, str]:
    """A first and a family name from any large integer."""
    return FIRST_NAMES[draw % len(FIRST_NAMES)], FAMILY_NAMES[draw // 41 % len(FAMILY_NAMES)]
