"""Activation patterns of small data, exactly, and the paper's own method on them."""
