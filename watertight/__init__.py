"""The night's steps in order, and their two callers: the command and the DAG."""
