"""How often the 95 % intervals of the marts hold the true value: simulated companies, whose true parameters are known."""
