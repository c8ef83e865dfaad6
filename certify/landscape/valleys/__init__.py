"""Which widths have spurious valleys, and what they look like (docs/theory.md, section 8)."""
