"""What became of one mutant."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.mutants.mutations import Mutant


@dataclass
class Outcome:
    """What became of one mutant. `errors` and `warnings` are the shipped data tests that failed, by label."""

    mutant: Mutant
    is_stillborn: bool = False
    has_effect: bool = False
    refusal: str = ""
    errors: set[str] = field(default_factory=set)
    warnings: set[str] = field(default_factory=set)
    own: set[str] = field(default_factory=set)
    seconds: float = 0.0

    @property
    def is_refused(self) -> bool:
        """A shipped data test or contract fails: nothing would be published."""
        return bool(self.refusal or self.errors)

    @property
    def is_seen(self) -> bool:
        """The shipped checks say something, a warning included."""
        return self.is_refused or bool(self.warnings)

    @property
    def is_dead(self) -> bool:
        """Somebody noticed."""
        return self.is_seen or bool(self.own)
