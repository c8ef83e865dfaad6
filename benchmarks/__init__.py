"""The benchmarks of certify; benchmarks/README.md is the study."""
