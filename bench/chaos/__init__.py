"""A thousand jobs against the lab while everything around them is killed, cut, delayed and put out of time."""
