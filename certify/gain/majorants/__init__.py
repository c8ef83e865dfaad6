"""Engine S: quadratic majorants on the sphere."""
