"""Alignment between source and target words, and what attention does not say."""
