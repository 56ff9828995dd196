"""The specification as a site: pages made from the docstrings, the cases and results files when mkdocs builds it."""
