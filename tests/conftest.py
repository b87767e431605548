"""Settings that all tests share."""

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None, max_examples=200)
settings.load_profile("repeatable")
