"""The simulated Pipedrive: API v2, and v1 for what v2 lacks."""
