"""Makes every number: the Transformer, its trace, its tokenizer, its decoding. Knows nothing of screens."""

from model.checkpoint import CheckpointError, names
from model.glass import EmptyText, Glass, TextError, TextTooLong, Translation, load
from model.trace import Entry, Trace, TraceError

__all__ = [
    "CheckpointError", "EmptyText", "Entry", "Glass", "TextError", "TextTooLong", "Trace", "TraceError",
    "Translation", "load", "names",
]  # fmt: skip
