"""`nnspec bench`: how fast backends are, against what people write by hand in the same framework."""
