"""What the pages draw, as plain values: lanes and cards, the chain, and what an action would change. No queries."""
