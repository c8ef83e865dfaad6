"""k outputs."""
