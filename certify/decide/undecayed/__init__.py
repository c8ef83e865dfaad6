"""Networks trained without weight decay: what is decided of them (docs/theory.md, section 13)."""
