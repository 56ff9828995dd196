"""The normative definitions, one module and one mixin class a family."""
