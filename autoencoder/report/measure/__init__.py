"""What a report measures: each run's network on all test images, and the floors beside it."""
