"""What is claimed: network, data, objective; the training problem that they make, and the bound that a dual vector gives."""
