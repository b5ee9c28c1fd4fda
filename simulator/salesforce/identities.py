"""Salesforce ids: 15 characters that are case-sensitive, and three more that make them safe where case is lost."""

import string
from functools import lru_cache

PREFIX = {
    "Opportunity": "006", "Account": "001", "Contact": "003", "Lead": "00Q", "User": "005", "Group": "00G", "RecordType": "012",
    "OpportunityStage": "01J", "OpportunityHistory": "008", "OpportunityFieldHistory": "017", "LeadHistory": "017", "Task": "00T",
    "Event": "00U", "Campaign": "701", "CampaignMember": "00v", "OpportunityLineItem": "00k", "Product2": "01t", "ForecastingQuota": "0J9", "CurrencyType": "01L",
    "DatedConversionRate": "04w", "OpportunityContactRole": "00K", "Organization": "00D", "Job": "750", "Period": "026",
}  # fmt: skip
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_CHECK = string.ascii_uppercase + "012345"
_INSTANCE = "Wt0"


@lru_cache(maxsize=200_000)
def identify(kind: str, number: int) -> str:
    """The 18-character id of an object's row."""
    digits = ""
    for _ in range(9):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return with_check(PREFIX[kind] + _INSTANCE + digits)


def with_check(short: str) -> str:
    """15 characters and the three that say which of them are capital letters."""
    groups = (short[start : start + 5] for start in (0, 5, 10))
    return short + "".join(
        _CHECK[sum(1 << place for place, one in enumerate(group) if one in string.ascii_uppercase)] for group in groups
    )


def number_of(kind: str, identity: str) -> int | None:
    """The number behind an id of 15 or 18 characters, None if it is not one of that object."""
    short = identity[:15]
    if len(identity) not in (15, 18) or not short.startswith(PREFIX[kind] + _INSTANCE):
        return None
    if any(one not in _DIGITS for one in short) or (len(identity) == 18 and with_check(short) != identity):
        return None
    number = 0
    for one in short[6:]:
        number = number * len(_DIGITS) + _DIGITS.index(one)
    return number
