"""Planted faults in the SQL of core and marts: which of the shipped data tests and of the project's own tests notice them.

The project is compiled once; a mutated model and what descends from it are then built straight on DuckDB, over a few small
companies, and asked of every test there is.
"""
