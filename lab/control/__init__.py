"""The lab's control: an HTTP API, a page and a command line for the operator of the simulated datacentre."""
