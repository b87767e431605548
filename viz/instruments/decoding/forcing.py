"""Teacher forcing against free running."""
