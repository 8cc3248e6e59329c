"""What the commands of images share: reading one, and writing what was found for a person."""
