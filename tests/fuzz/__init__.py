"""Payloads that no vendor's description allows, and what becomes of them between the CRM's answer and the typed staging tables."""
