"""HubSpot's rate limits, counted in simulated time."""

from collections import deque

from simulator.hubspot.answers import Refusal

SERVICE_KEY = 190
OAUTH_APP = 110
SEARCHES_PER_SECOND = 5
DAILY = 650_000
_WINDOW = 10_000


class Bucket:
    """A rolling window: at most `limit` requests in any `window` milliseconds. Refused requests do not count."""

    def __init__(self, limit: int, window: int) -> None:
        self.limit = limit
        self.window = window
        self._taken: deque[int] = deque()

    def take(self, now: int) -> int:
        """0 when the request fits, else the milliseconds until one will."""
        self.forget(now)
        if len(self._taken) < self.limit:
            self._taken.append(now)
            return 0
        return self._taken[0] + self.window - now

    def forget(self, now: int) -> None:
        """Let go of what lies outside the window."""
        while self._taken and (self._taken[0] <= now - self.window or self._taken[0] > now):
            self._taken.popleft()

    def left(self, now: int) -> int:
        """How many more requests fit now."""
        self.forget(now)
        return self.limit - len(self._taken)


class RateLimits:
    """The buckets of one account: general (by kind of token), search, and the day's total."""

    def __init__(self, service_key: int = SERVICE_KEY, oauth: int = OAUTH_APP, daily: int = DAILY) -> None:
        self.general = {"service_key": Bucket(service_key, _WINDOW), "oauth": Bucket(oauth, _WINDOW)}
        self.searches = Bucket(SEARCHES_PER_SECOND, 1_000)
        self.daily = daily
        self.today = 0
        self.refused = 0

    def check(self, credential: str, is_search: bool, now: int) -> None:
        """Count a request or raise 429."""
        if self.today >= self.daily:
            raise self._refuse("DAILY", "You have reached your daily limit.", None)
        bucket = self.searches if is_search else self.general[credential]
        wait = bucket.take(now)
        if wait:
            policy = "SECONDLY" if is_search else "TEN_SECONDLY_ROLLING"
            message = f"You have reached your {policy.lower()} limit."
            raise self._refuse(policy, message, wait)
        self.today += 1

    def _refuse(self, policy: str, message: str, wait: int | None) -> Refusal:
        self.refused += 1
        refusal = Refusal(429, message, "RATE_LIMITS", errorType="RATE_LIMIT", policyName=policy)
        # HubSpot does not always say how long to wait: here every fourth time it does not.
        if wait is not None and self.refused % 4 != 0:
            refusal.headers["Retry-After"] = str(-(-wait // 1_000))
        return refusal

    def headers(self, credential: str, now: int) -> dict[str, str]:
        """What HubSpot tells on list-like responses (search and pipelines carry none of these)."""
        bucket = self.general[credential]
        day = {
            "x-hubspot-ratelimit-daily": str(self.daily),
            "x-hubspot-ratelimit-daily-remaining": str(self.daily - self.today),
        }
        return {
            "x-hubspot-ratelimit-max": str(bucket.limit),
            "x-hubspot-ratelimit-remaining": str(bucket.left(now)),
            "x-hubspot-ratelimit-interval-milliseconds": str(bucket.window),
            "x-hubspot-ratelimit-secondly": str(bucket.limit // 10),
            **(day if credential == "service_key" else {}),
        }
