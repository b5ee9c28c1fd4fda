"""A company small enough to check by hand, and what every metric must say about it: see README.md."""
