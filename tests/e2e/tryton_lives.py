"""Three hundred opportunities in a real Tryton, a life each: moves on and back, amounts, sellers, lost, cancelled, converted, won, re-opened.

What happens is drawn from a seed; when it happened, and in which state each opportunity was then, only Tryton knows.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.e2e.tryton_server import Tryton, TrytonServer

MODEL = "sale.opportunity"
#: what may be done in a state, by Tryton's own buttons and rules
DEEDS = {
    "lead": ("advance", "advance", "advance", "advance", "lose", "cancel", "amount", "seller"),
    "opportunity": ("convert", "convert", "lose", "step_back", "amount", "amount", "cancel", "seller"),
    "converted": ("win", "win", "lose_sale"),
    "won": (),
    "lost": ("reopen",),
    "cancelled": ("reopen",),
}
#: chance that a closed opportunity is taken up again on a day, and that anything happens to an open one
REOPENED, MOVED = 0.06, 0.35


class Company:
    """A company in Tryton with sellers, customers, two currencies, and the opportunities made by `live_day`."""

    def __init__(self, server: TrytonServer, seed: int) -> None:
        self.server = server
        self.crm = Tryton(server.url)
        self.random = random.Random(seed)
        self.ids: list[int] = []
        self._set_up()

    def _set_up(self) -> None:
        crm = self.crm
        self.currencies = crm.call("currency.currency", "create", [
            {"name": "Euro", "code": "EUR", "symbol": "€", "rates": [["create", [{"rate": Decimal(1)}]]]},
            {"name": "US Dollar", "code": "USD", "symbol": "$", "rates": [["create", [{"rate": Decimal("1.25")}]]]},
        ])  # fmt: skip
        (party,) = crm.call("party.party", "create", [{"name": "Bottles & Sons"}])
        (company,) = crm.call("company.company", "create", [{"party": party, "currency": self.currencies[0]}])
        crm.call("res.user", "write", [1], {"companies": [["add", [company]]], "company": company})
        crm.context = {"company": company, "companies": [company]}
        sellers = crm.call("party.party", "create", [{"name": f"Seller {number}"} for number in range(5)])
        self.employees = crm.call("company.employee", "create", [{"party": one, "company": company} for one in sellers])
        self.customers = crm.call("party.party", "create", [
            {
                "name": f"Customer {number} Ltd",
                "addresses": [["create", [{"street": f"{number} High Street"}]]],
                "contact_mechanisms": [["create", [{"type": "email", "value": f"buyer{number}@example.com"}]]],
            }
            for number in range(40)
        ])  # fmt: skip

    def create(self, count: int) -> list[int]:
        ids: list[int] = self.crm.call(MODEL, "create", [
            {
                "party": self.random.choice(self.customers),
                "employee": self.random.choice(self.employees),
                "currency": self.random.choice(self.currencies),
                "amount": self._amount() if self.random.random() < 0.9 else None,
                "description": f"Order of {self.random.randrange(1, 500)} crates",
            }
            for _ in range(count)
        ])  # fmt: skip
        self.ids += ids
        return ids

    def live_day(self, ids: list[int] | None = None, moved: float = MOVED) -> set[int]:
        """One day of some opportunities (all of them by default); returns those to which something happened."""
        deeds: dict[str, list[int]] = defaultdict(list)
        for row in self.crm.call(MODEL, "read", self.ids if ids is None else ids, ["state"]):
            chance = REOPENED if row["state"] in ("lost", "cancelled") else moved
            if DEEDS[row["state"]] and self.random.random() < chance:
                deeds[self.random.choice(DEEDS[row["state"]])].append(row["id"])
        for deed, chosen in deeds.items():
            # In two parts, with some time between: not all of a day's changes share their instant.
            for part in (chosen[::2], chosen[1::2]):
                if part:
                    self.do(deed, part)
                    self.server.set_clock(self.server.now() + timedelta(minutes=self.random.randrange(1, 50)))
        return {one for chosen in deeds.values() for one in chosen}

    def do(self, deed: str, ids: list[int]) -> None:
        """Does one thing to some opportunities, in one call where Tryton allows it."""
        buttons = {"advance": "opportunity", "convert": "convert", "lose": "lost", "cancel": "cancel"}
        special: dict[str, Callable[[list[int]], None]] = {
            "amount": lambda some: self._write(some, lambda: {"amount": self._amount()}),
            "seller": lambda some: self._write(some, lambda: {"employee": self.random.choice(self.employees)}),
            "win": self._win,
            "lose_sale": lambda some: self.crm.call("sale.sale", "cancel", self._sales(some)),
        }
        if deed in special:
            special[deed](ids)
        else:
            self.crm.call(MODEL, buttons.get(deed, "lead"), ids)

    def _write(self, ids: list[int], values: Callable[[], dict[str, Any]]) -> None:
        self.crm.call(MODEL, "write", *(argument for one in ids for argument in ([one], values())))

    def _sales(self, ids: list[int]) -> list[int]:
        found: list[int] = self.crm.call("sale.sale", "search", [["origin.id", "in", ids, MODEL]])
        return found

    def _win(self, ids: list[int]) -> None:
        sales = self._sales(ids)
        line = {"type": "line", "description": "Crates", "quantity": 1, "unit_price": self._amount()}
        self.crm.call("sale.sale", "write", sales, {"lines": [["create", [line]]]})
        self.crm.call("sale.sale", "quote", sales)
        self.crm.call("sale.sale", "confirm", sales)

    def _amount(self) -> Decimal:
        return Decimal(self.random.randrange(100, 5_000_000)) / 100


def live_weeks(company: Company, start: datetime, opportunities: int = 300, days: int = 21) -> None:
    """Opportunities come in over the first ten days; each day something happens to about a third of those alive."""
    for day in range(days):
        company.server.set_clock(start + timedelta(days=day, hours=8))
        if day < 10:
            company.create(opportunities // 10)
        company.live_day()


class Truth:
    """What Tryton itself says, asked with the test's own client."""

    def __init__(self, crm: Tryton) -> None:
        self.ids: list[int] = crm.call(MODEL, "search", [], 0, None, [["id", "ASC"]])
        changes = crm.call(MODEL, "history_revisions", self.ids)
        changed_at: dict[datetime, set[int]] = defaultdict(set)
        for instant, one, _user in changes:
            changed_at[instant].add(one)
        #: opportunity → [(instant of a change, state, amount, seller, currency)] in order of time
        self.states: dict[int, list[tuple[datetime, str, Decimal | None, int, str]]] = defaultdict(list)
        fields = ["state", "amount", "employee", "currency.code"]
        for instant in sorted(changed_at):
            for row in crm.call(MODEL, "read", sorted(changed_at[instant]), fields, _datetime=instant):
                self.states[row["id"]].append(
                    (instant, row["state"], row["amount"], row["employee"], row["currency."]["code"])
                )
        #: (state, currency) → (count, sum), by search_count and over the records themselves
        self.totals: dict[tuple[str, str], tuple[int, Decimal]] = {}
        selection = crm.call(MODEL, "fields_get", ["state"])["state"]["selection"]
        self.all_states = [state for state, _label in selection if state]
        for state in self.all_states:
            for currency in ("EUR", "USD"):
                domain = [["state", "=", state], ["currency.code", "=", currency]]
                count = crm.call(MODEL, "search_count", domain)
                rows = crm.call(MODEL, "search_read", domain, 0, None, None, ["amount"])
                if count:
                    self.totals[state, currency] = count, sum((row["amount"] or Decimal(0) for row in rows), Decimal(0))

    def visits(self) -> dict[int, list[tuple[str, datetime, datetime | None]]]:
        """Opportunity → [(state, entered, left or None)]: the changes in which the state stayed the same are no moves."""
        visits: dict[int, list[tuple[str, datetime, datetime | None]]] = {}
        for one, states in self.states.items():
            moves = [
                (instant, state)
                for place, (instant, state, *_) in enumerate(states)
                if place == 0 or states[place - 1][1] != state
            ]
            ends = [instant for instant, _ in moves[1:]] + [None]
            visits[one] = [(state, instant, end) for (instant, state), end in zip(moves, ends, strict=True)]
        return visits
