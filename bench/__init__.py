"""What the portal costs, measured: `make bench`. What is measured and how is told in docs/benchmarks.md."""
