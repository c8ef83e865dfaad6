"""From bounds to a Verdict: check, solve, descend."""
