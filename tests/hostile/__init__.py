"""What the tests of damage and hostile input share."""
