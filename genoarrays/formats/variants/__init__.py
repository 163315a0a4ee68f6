"""VCF and BCF sites."""
