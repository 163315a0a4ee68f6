"""Text files of rows: lines, fields, intervals, fast."""
