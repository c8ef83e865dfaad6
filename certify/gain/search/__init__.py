"""One best-first search for every brancher: queue, tree, proof, snapshot, portfolio."""
