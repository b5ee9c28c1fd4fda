"""Who belongs to whom, by number alone.

Deal i has the leads 2i (the one it came from, unless it is an expansion) and 2i + 1 (one that came to nothing); lead j is the
person of contact j; every eight deals share five new companies, and an expansion belongs to any company met before. An activity
belongs to a slot: calls and e-mails one per deal slot, meetings, tasks and notes one per two.
"""

import numpy as np

from simulator.chance import Flags, Ints, uniform, whole

LEADS_PER_DEAL = 2
CHANNELS = ("website", "referral", "event", "paid_search", "social", "email", "partner", "cold_call", "cold_email")
_OUTBOUND = 7  # the channels from here on are ours; the others come to us
_CHANNEL_SHARE = np.cumsum([0.24, 0.12, 0.09, 0.13, 0.08, 0.07, 0.07, 0.12, 0.08])
ACTIVITY_SLOTS = {"calls": 1, "emails": 1, "meetings": 2, "tasks": 2, "notes": 2}
CROWD = 130
"""The number of contacts of a deal that half a trade fair takes part in: more than an inline association list shows."""
# One deal in 1,472, at a place where deals are never deleted or merged away.
_FAIR, _STAND = 1_472, 706


def pipeline_of(seed: int, deals: Ints) -> Ints:
    """The pipeline (code) a deal begins in: 63 % new business, 22 % expansion, 15 % partners."""
    share = uniform(seed, "deal.pipeline", deals)
    return np.asarray(np.where(share < 0.63, 0, np.where(share < 0.85, 1, 2)), dtype=np.int64)


def begins_closed(seed: int, deals: Ints) -> Flags:
    """Entered into the CRM when it was all over."""
    return np.asarray(uniform(seed, "deal.begins_closed", deals) < 0.012)


def has_lead(seed: int, deals: Ints) -> Flags:
    """Whether lead 2i converted into deal i."""
    return np.asarray(
        (pipeline_of(seed, deals) != 1) & ~begins_closed(seed, deals) & (uniform(seed, "deal.has_lead", deals) < 0.9)
    )


def company_of_slot(deals: Ints) -> Ints:
    """The company that deal slot i brings."""
    return np.asarray(deals * 5 // 8, dtype=np.int64)


def company_of_deal(seed: int, deals: Ints) -> Ints:
    """The company of a deal: its slot's own, or for an expansion any earlier one."""
    own = company_of_slot(deals)
    earlier = (own * uniform(seed, "deal.company", deals)).astype(np.int64)
    return np.asarray(np.where(pipeline_of(seed, deals) == 1, earlier, own), dtype=np.int64)


def channel_of_lead(seed: int, leads: Ints) -> Ints:
    """The channel (place in `CHANNELS`) by which a lead came."""
    return np.asarray(
        np.searchsorted(_CHANNEL_SHARE, uniform(seed, "lead.channel", leads) * _CHANNEL_SHARE[-1], side="right")
    )


def is_outbound(channels: Ints) -> Flags:
    """Whether we went to them."""
    return np.asarray(channels >= _OUTBOUND)


def contacts_of_deals(seed: int, deals: Ints) -> list[list[int]]:
    """The contacts of each deal, the first one first."""
    colleague = (uniform(seed, "deal.colleague", deals) < 0.45).tolist()
    return [
        [
            deal * 2,
            *([deal * 2 + 1] if also else []),
            *(range(deal * 2 - CROWD, deal * 2) if deal % _FAIR == _STAND else ()),
        ]
        for deal, also in zip(deals.tolist(), colleague, strict=True)
    ]


def deals_of_contacts(seed: int, contacts: Ints) -> list[list[int]]:
    """The deals of each contact: the reverse of `contacts_of_deals`."""
    own = contacts // 2
    related = (contacts % 2 == 0) | (uniform(seed, "deal.colleague", own) < 0.45)
    fair = own + 1 + (_STAND - own - 1) % _FAIR  # the next deal with a crowd
    invited = fair * 2 - CROWD <= contacts
    return [
        [*([deal] if yes else []), *([other] if too else [])]
        for deal, yes, other, too in zip(own.tolist(), related.tolist(), fair.tolist(), invited.tolist(), strict=True)
    ]


def activity_deal(seed: int, kind: str, activities: Ints) -> Ints:
    """The deal slot of an activity."""
    every = ACTIVITY_SLOTS[kind]
    return np.asarray(
        activities * every + (whole(seed, kind + ".slot", activities, every) if every > 1 else 0), dtype=np.int64
    )


def activity_is_of_lead(seed: int, kind: str, activities: Ints) -> Flags:
    """Whether an activity belongs to the slot's second lead instead of its deal."""
    return np.asarray(uniform(seed, kind + ".of_lead", activities) < (0.4 if kind in ("calls", "emails") else 0.15))
