"""How many calls a night takes, beside the fewest that the vendors' rules allow."""
