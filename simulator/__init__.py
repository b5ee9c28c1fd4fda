"""A company that sells, and the CRM APIs that serve its data.

The company is seeded and deterministic; its time is simulated. It knows nothing of who reads it.
"""
