"""Engine C: simplicial cones."""
