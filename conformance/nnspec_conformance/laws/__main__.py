"""`python -m nnspec_conformance.laws > spec/docs/laws.md`: the page of the document that lists the laws."""

from nnspec_conformance.laws._document import page

print(page(), end="")
