"""What lies between a file in the store and a volume: the chain of files, partitions, the system partition."""
