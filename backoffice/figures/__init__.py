"""What the home page counts: by day of local time, days that are over once and for all (ADR 24)."""
