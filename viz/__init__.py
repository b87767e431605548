"""Shows the numbers that model/ makes: figures, browser instruments, pages."""
