"""The landscape of one training problem: its global optima, all of them, and how they hang together."""
