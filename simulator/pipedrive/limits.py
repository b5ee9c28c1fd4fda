"""Pipedrive's two limits, counted in simulated time: requests per two seconds, and tokens per day for the whole company."""

from simulator.hubspot.limits import Bucket
from simulator.pipedrive.answers import Refusal

BURST = 80
DAILY = 150_000
_WINDOW = 2_000


class TokenLimits:
    """`spent` is what the day has cost so far; `daily` what the plan allows."""

    def __init__(self, burst: int = BURST, daily: int = DAILY) -> None:
        self.bucket = Bucket(burst, _WINDOW)
        self.daily = daily
        self.spent = 0

    def check(self, cost: int, now: int) -> None:
        """Count a request or raise 429."""
        if self.spent + cost > self.daily:
            self.spent = self.daily
            raise Refusal(429, "Request over limit", self.headers(now))
        if self.bucket.take(now):
            raise Refusal(429, "Request over limit", self.headers(now))
        self.spent += cost

    def headers(self, now: int) -> dict[str, str]:
        """What every answer tells."""
        return {
            "x-ratelimit-limit": str(self.bucket.limit),
            "x-ratelimit-remaining": str(self.bucket.left(now)),
            "x-ratelimit-reset": str(_WINDOW // 1_000),
            "x-daily-ratelimit-token-limit": str(self.daily),
            "x-daily-ratelimit-token-remaining": str(self.daily - self.spent),
        }
