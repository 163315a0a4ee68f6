"""Which motifs a network looks at."""
