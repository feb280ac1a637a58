"""What the integration tests share: the command, images, registries, trees."""
