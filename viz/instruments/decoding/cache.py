"""The key–value cache: what is computed anew at each step, and what is read again."""
