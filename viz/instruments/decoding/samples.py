"""Samples of translations."""
