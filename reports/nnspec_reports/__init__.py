"""Reports, made from results files alone."""
