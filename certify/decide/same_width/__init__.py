"""The best network of a given width, sought by many local descents: nothing is proved here, every find is evaluated again."""
