"""What the engine is compared with: other programs that bound the same gain, each in a module of its own."""
