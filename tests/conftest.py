"""Settings that all tests share."""

import torch
from hypothesis import settings

# One thread, as in the app: other splits of a sum round differently in the last digit.
torch.set_num_threads(1)

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None, max_examples=200)
settings.load_profile("repeatable")
