"""Ways on from one global optimum to another: inside the polytope of optima, slot by slot (docs/theory.md, section 7)."""
