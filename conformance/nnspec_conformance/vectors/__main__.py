"""python -m nnspec_conformance.vectors: write the schema anew, after a change of the manifest."""

from nnspec_conformance.vectors._manifest import SCHEMA, schema

SCHEMA.write_text(schema(), encoding="utf-8")
