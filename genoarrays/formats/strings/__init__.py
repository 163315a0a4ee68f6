"""Sequences without coordinates: files and tables of strings."""
