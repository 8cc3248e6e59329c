"""The simulated provisioning farm: its objects, the rules of a version's life, and the cmdlets that reach them."""
