"""The losses, one file each: value, slope, curvature, conjugate, and how each is called and stated elsewhere."""
