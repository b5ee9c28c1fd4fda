"""The content that a dashboard carries, read from the page's text."""

from __future__ import annotations

import json
import re
from typing import Any

#: what a name may hold when somebody means harm
HURT = '</script><script>window.hurt = 1</script><img src=x onerror="window.hurt = 1">\u2028'


class Packed:
    """The content of a page, its rows as dictionaries, members by their names and periods by grain and first day."""

    def __init__(self, page: str) -> None:
        text = re.search(r'<script type="application/json" id="content">(.*?)</script>', page, re.DOTALL)
        assert text is not None
        self.content = json.loads(text[1])
        self.night = self.content["night"]
        members = {name: [tuple(row) for row in list_["rows"]] for name, list_ in self.content["members"].items()}
        self.members: dict[str, list[Any]] = {
            "period": [row[1:3] for row in members["shown_periods"]],
            **{name: [row[1] for row in members[f"{name}s"]] for name in ("pipeline", "owner", "channel")},
            "stage": [row[2] for row in members["stages"]],
        }

    def rows(self, question: str) -> list[dict[str, Any]]:
        answer = self.content["answers"][question]
        return [
            {
                name: self.members[name][value] if name in self.members and value is not None else value
                for name, value in zip(answer["columns"], row, strict=True)
            }
            for row in answer["rows"]
        ]

    def held(self, question: str, stage: str, day: int, owner: str | None = None) -> tuple[int, float]:
        """Count and amount of a stage on a day of the board by day."""
        count, cents = 0, 0
        for cell in self.rows(question):
            if cell["stage"] == stage and cell["owner"] == owner:
                places = [place for place, first in enumerate(cell["days"]) if first <= day]
                if places:
                    count += cell["counts"][places[-1]]
                    cents += cell["cents"][places[-1]]
        return count, cents / 100
