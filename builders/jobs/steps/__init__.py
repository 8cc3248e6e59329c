"""Steps that more than one kind of job uses."""
