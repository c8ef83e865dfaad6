"""Pictures of the landscape: one module a picture, each with the numbers that it shows, and `canvas`, where they are drawn."""
