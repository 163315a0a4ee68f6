"""Genomes: FASTA and 2bit as codes."""
