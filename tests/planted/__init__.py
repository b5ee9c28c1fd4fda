"""Planted source faults: what a source loses, doubles, shifts or swaps, and which of the shipped data tests says so."""
