"""What kind of point a network is: from not stationary to a global minimum (docs/theory.md, section 6)."""
