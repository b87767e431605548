"""Measures the budgets of the server side: `python -m tests.bench` prints a table."""
