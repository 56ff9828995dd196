"""Inputs, one module a family."""
