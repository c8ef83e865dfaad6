"""Ways down: from a network to a global optimum along which the objective never rises (docs/theory.md, section 7)."""
